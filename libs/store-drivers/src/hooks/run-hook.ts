import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { AppError } from '@certferry/core';
import { accountOf } from './account.ts';
import { cleanOutput } from './clean-output.ts';
import { fillIn, type Hook } from './hook-config.ts';

/** Where in a job a hook ran: before the write; after it the test of the configuration, then the (re)load. */
export type HookStep = 'before' | 'test' | 'reload';

/** How one program of a hook ended. */
export interface HookRun {
  hook: string;
  step: HookStep;
  at: Date;
  seconds: number;
  /** -1: it did not end by itself, or could not be started. */
  exitCode: number;
  /** Standard output and error as they came, cut, without secrets. */
  output: string;
  /** Why it failed; empty when it did not. */
  problem: string;
}

/** What a run is given besides its hook. */
export interface HookCall {
  step: HookStep;
  parameters: Record<string, string>;
  /** What must not be seen in the output. */
  secrets: string[];
  /** Aborted: the program is killed, and the call rejects with its reason. */
  signal: AbortSignal;
}

/** How long what was killed may take to be gone. */
const KILL_MS = 500;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs one program of a hook: no shell, a process group of its own that is killed as a whole when its time is up or
 * the program has ended, a clean environment, its own user. What goes wrong is in the answer; rejects only when aborted.
 */
export async function runHook(hook: Hook, { step, parameters, secrets, signal }: HookCall): Promise<HookRun> {
  signal.throwIfAborted();
  const at = new Date();
  const begun = performance.now();
  const [program, ...args] = fillIn(step === 'test' ? hook.test! : hook.argv, parameters);
  const output = new CappedOutput(hook.maxOutputBytes);
  const { exitCode, problem } = await start(hook, [program!, ...args]).then(
    (child) => follow(child, { output, signal, timeoutMs: hook.timeoutSeconds * 1_000 }),
    (error: unknown) => ({
      exitCode: -1,
      problem: error instanceof AppError ? error.message : saySpawn(error, program!),
    }),
  );
  signal.throwIfAborted();
  const hidden = [...secrets, ...Object.values(hook.env)];
  const said = cleanOutput(output.text(), hidden);
  const unexpected =
    problem === '' && step !== 'test' && hook.output !== undefined && !new RegExp(hook.output, 'u').test(said)
      ? 'it did not say that it succeeded'
      : '';
  const seconds = Math.round(performance.now() - begun) / 1_000;
  return { hook: hook.name, step, at, seconds, exitCode, output: said, problem: problem || unexpected };
}

async function start(hook: Hook, [program, ...args]: string[]): Promise<ChildProcess> {
  const account = await accountOf(hook);
  const child = spawn(program!, args, {
    cwd: '/',
    detached: true,
    env: { PATH, LANG: 'C.UTF-8', ...hook.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...account,
  });
  await once(child, 'spawn');
  return child;
}

const saySpawn = (error: unknown, program: string): string =>
  `${program} cannot be run (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`;

async function follow(
  child: ChildProcess,
  { output, signal, timeoutMs }: { output: CappedOutput; signal: AbortSignal; timeoutMs: number },
): Promise<{ exitCode: number; problem: string }> {
  let late = false;
  const kill = () => killGroup(child.pid!);
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, timeoutMs);
  signal.addEventListener('abort', kill, { once: true });
  child.stdout!.on('data', (bytes: Buffer) => output.add(bytes));
  child.stderr!.on('data', (bytes: Buffer) => output.add(bytes));
  const closed = once(child, 'close');
  if (signal.aborted) kill();
  try {
    const [code, by] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    if (late) return { exitCode: -1, problem: `it did not end within ${timeoutMs / 1_000} s and was killed` };
    if (code === null) return { exitCode: -1, problem: `it was ended by ${by}` };
    return { exitCode: code, problem: code === 0 ? '' : `it ended with ${code}` };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 100).unref())]);
    child.stdout!.destroy();
    child.stderr!.destroy();
    if (late || signal.aborted) await untilGone(child.pid!);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}

async function untilGone(pid: number): Promise<void> {
  for (const end = Date.now() + KILL_MS; Date.now() < end;) {
    try {
      process.kill(-pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Keeps the end of what is said: that is where the cause stands. */
class CappedOutput {
  readonly #most: number;
  #bytes = Buffer.alloc(0);
  #cut = false;

  constructor(most: number) {
    this.#most = most;
  }

  add(bytes: Buffer): void {
    const all = Buffer.concat([this.#bytes, bytes]);
    this.#cut ||= all.length > this.#most;
    this.#bytes = all.subarray(Math.max(0, all.length - this.#most));
  }

  text(): string {
    return (this.#cut ? '… ' : '') + this.#bytes.toString('utf8');
  }
}
