import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, limitExceeded, type AppErrorOptions } from '@certferry/core';
import type { Input, OperationName, Output } from './operations.ts';

export interface SandboxLimits {
  cpuSeconds: number;
  wallSeconds: number;
  residentMegabytes: number;
}

export const DEFAULT_LIMITS: SandboxLimits = { cpuSeconds: 5, wallSeconds: 15, residentMegabytes: 256 };
/** Tasks that wait for a child; one more is refused. */
const MAX_WAITING = 1_000;
const CHECK_MS = 200;
const CLOCK_TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
/** A folder of this version of Node.js, in the one that was chosen. */
const COMPILE_CACHE = getCompileCacheDir();

interface Task {
  name: OperationName;
  input: unknown;
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

type Reply = { ready: true } | { value: never } | { error: AppErrorOptions | { stack: string } };

/** Warm child processes that can be killed: native key derivation does not stop for anything less. */
export class Sandbox {
  readonly #limits: SandboxLimits;
  readonly #children: SandboxChild[];
  readonly #waiting: Task[] = [];

  constructor(size: number, limits: SandboxLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
    this.#children = Array.from({ length: size }, () => new SandboxChild(limits, () => this.#next()));
  }

  /**
   * Runs an operation in a child. Throws what the operation throws; RESOURCE_EXHAUSTED LIMIT_EXCEEDED when it used too
   * much CPU, time or memory (its child is killed and replaced); UNAVAILABLE PARSER_BUSY when 1,000 tasks wait.
   */
  run<N extends OperationName>(name: N, input: Input<N>): Promise<Output<N>> {
    if (this.#waiting.length >= MAX_WAITING) {
      const message = `${MAX_WAITING} containers wait to be opened; send this one again later.`;
      return Promise.reject(
        new AppError({ code: 'UNAVAILABLE', reason: 'PARSER_BUSY', message, details: { limit: String(MAX_WAITING) } }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ name, input, resolve: resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    for (const child of this.#children) {
      if (this.#waiting.length === 0) return;
      if (child.free) child.run(this.#waiting.shift()!);
    }
  }

  /** Children, and so tasks that run at a time. */
  get size(): number {
    return this.#children.length;
  }

  get limits(): SandboxLimits {
    return this.#limits;
  }

  close(): void {
    for (const child of this.#children) child.close();
    for (const task of this.#waiting.splice(0)) task.reject(stopped());
  }
}

const stopped = (): AppError =>
  new AppError({ code: 'UNAVAILABLE', reason: 'PARSER_STOPPED', message: 'The parser is stopping.' });

/** One place in the pool: a process, replaced whenever it ends. */
class SandboxChild {
  readonly #limits: SandboxLimits;
  readonly #onFree: () => void;
  #process: ChildProcess;
  #task: Task | undefined;
  #ready = false;
  #closed = false;
  #started = 0;
  #cpuAtStart = 0;
  #timer: NodeJS.Timeout | undefined;
  #broken: AppError | undefined;

  constructor(limits: SandboxLimits, onFree: () => void) {
    this.#limits = limits;
    this.#onFree = onFree;
    this.#process = this.#spawn();
  }

  get free(): boolean {
    return this.#ready && !this.#task && !this.#closed;
  }

  run(task: Task): void {
    this.#task = task;
    this.#started = performance.now();
    this.#cpuAtStart = usage(this.#process.pid)?.cpuSeconds ?? 0;
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
    this.#process.send({ name: task.name, input: task.input });
  }

  close(): void {
    this.#closed = true;
    this.#process.kill('SIGKILL');
  }

  #spawn(): ChildProcess {
    const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), {
      serialization: 'advanced',
      execArgv: [`--max-old-space-size=${this.#limits.residentMegabytes}`, '--max-semi-space-size=8', '--expose-gc'],
      // Nothing of what this process knows, but where it keeps what it has compiled.
      env: COMPILE_CACHE ? { NODE_COMPILE_CACHE: dirname(COMPILE_CACHE) } : {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.on('message', (reply: Reply) => this.#onReply(reply));
    child.on('error', () => undefined);
    child.on('exit', () => this.#onExit());
    return child;
  }

  #onReply(reply: Reply): void {
    if ('ready' in reply) this.#ready = true;
    else {
      const task = this.#finish();
      if ('value' in reply) task?.resolve(reply.value);
      else task?.reject(toError(reply.error));
    }
    this.#onFree();
  }

  #onExit(): void {
    this.#ready = false;
    const error = this.#broken ?? (this.#closed ? stopped() : overMemory(this.#limits));
    this.#broken = undefined;
    this.#finish()?.reject(error);
    if (!this.#closed) this.#process = this.#spawn();
  }

  #finish(): Task | undefined {
    clearInterval(this.#timer);
    const task = this.#task;
    this.#task = undefined;
    return task;
  }

  #check(): void {
    const { cpuSeconds, wallSeconds, residentMegabytes } = this.#limits;
    const used = usage(this.#process.pid);
    if (performance.now() - this.#started > wallSeconds * 1000) this.#break('seconds', wallSeconds);
    else if (used && used.cpuSeconds - this.#cpuAtStart > cpuSeconds) this.#break('CPU seconds', cpuSeconds);
    else if (used && used.residentMegabytes > residentMegabytes) this.#break('MiB of memory', residentMegabytes);
  }

  #break(limit: string, value: number): void {
    this.#broken = limitExceeded(limit, value, `Opening the container took more than ${value} ${limit}, the limit.`);
    this.#process.kill('SIGKILL');
  }
}

const overMemory = (limits: SandboxLimits): AppError =>
  limitExceeded(
    'MiB of memory',
    limits.residentMegabytes,
    `Opening the container took more than ${limits.residentMegabytes} MiB of memory, the limit.`,
  );

function toError(error: AppErrorOptions | { stack: string }): Error {
  if ('code' in error) return new AppError(error);
  const unforeseen = new Error('The operation failed in the sandbox');
  unforeseen.stack = error.stack;
  return unforeseen;
}

/** CPU and memory of a process, where the system has /proc (Linux); elsewhere only the wall clock holds. */
function usage(pid: number | undefined): { cpuSeconds: number; residentMegabytes: number } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
    return { cpuSeconds, residentMegabytes: (Number(fields[21]) * PAGE_BYTES) / 2 ** 20 };
  } catch {
    return undefined;
  }
}
