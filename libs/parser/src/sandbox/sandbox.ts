import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { AppError, limitExceeded } from '@certferry/core';
import { Channel, forkChild } from '@certferry/runtime/child';
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

interface Task {
  name: OperationName;
  input: unknown;
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

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
  #process!: ChildProcess;
  #channel!: Channel;
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
    this.#spawn();
  }

  get free(): boolean {
    return this.#ready && !this.#task && !this.#closed;
  }

  run(task: Task): void {
    this.#task = task;
    this.#started = performance.now();
    this.#cpuAtStart = usage(this.#process.pid)?.cpuSeconds ?? 0;
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
    this.#channel.call<never>(task.name, task.input).then(
      (value) => this.#finish()?.resolve(value),
      (error: Error) => this.#finish()?.reject(error),
    );
  }

  close(): void {
    this.#closed = true;
    this.#process.kill('SIGKILL');
  }

  #spawn(): void {
    const execArgv = [
      `--max-old-space-size=${this.#limits.residentMegabytes}`,
      '--max-semi-space-size=8',
      '--expose-gc',
    ];
    this.#process = forkChild(new URL('./child.ts', import.meta.url), { execArgv });
    this.#process.on('exit', () => this.#onExit());
    this.#channel = new Channel(this.#process, { ready: () => this.#onReady() });
  }

  #onReady(): void {
    this.#ready = true;
    this.#onFree();
  }

  #onExit(): void {
    this.#ready = false;
    const error = this.#broken ?? (this.#closed ? stopped() : overMemory(this.#limits));
    this.#broken = undefined;
    this.#channel.close(error);
    if (!this.#closed) this.#spawn();
  }

  #finish(): Task | undefined {
    clearInterval(this.#timer);
    const task = this.#task;
    this.#task = undefined;
    // Heard before the next task is.
    this.#channel.notify('clearAway');
    queueMicrotask(this.#onFree);
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
