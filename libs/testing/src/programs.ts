import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdtempSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** Whether a missing program fails the run (REQUIRE_INFRA=1) instead of skipping what needs it. */
export const requireInfra = process.env['REQUIRE_INFRA'] === '1';

/** The program's path, or undefined. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

/**
 * Whether a program is here, for `describe.skipIf(!hasProgram('openssl'))`.
 * Prints why a test is skipped; throws instead when REQUIRE_INFRA=1.
 */
export function hasProgram(name: string): boolean {
  if (findProgram(name)) return true;
  if (requireInfra) throw new Error(`${name} is not on PATH, and REQUIRE_INFRA=1 asks for it`);
  console.warn(`skipped: ${name} is not on PATH`);
  return false;
}

const execute = promisify(execFile);

/** Runs a program to its end; answers stdout, throws with stderr. */
export async function runProgram(
  name: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<string> {
  const running = execute(name, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (options.input !== undefined) running.child.stdin?.end(options.input);
  return (await running).stdout;
}

/** A server that a test started. */
export interface RunningProgram {
  child: ChildProcess;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a server and waits until it prints what `ready` matches (on stdout or stderr). */
export async function startProgram(
  command: string,
  args: string[],
  options: {
    ready: RegExp;
    env?: NodeJS.ProcessEnv;
    cwd?: string;
    onOutput?: (text: string) => void;
    /** What it starts itself is stopped with it: for npm, which does not pass signals on. */
    group?: boolean;
    /** Milliseconds until it must be ready; 60,000. */
    timeout?: number;
  },
): Promise<RunningProgram> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    detached: options.group,
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const { timeout = 60_000 } = options;
    const late = () => {
      child.kill();
      reject(new Error(`${command} did not get ready in ${timeout / 1000} s:\n${output}`));
    };
    const timer = setTimeout(late, timeout);
    const listen = (chunk: Buffer) => {
      options.onOutput?.(chunk.toString());
      output = (output + chunk.toString()).slice(-20_000);
      if (options.ready.test(output)) {
        clearTimeout(timer);
        resolve();
      }
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${command} ended with ${code} before it was ready:\n${output}`));
    });
  });
  return {
    child,
    stop: async (signal = 'SIGTERM') => {
      if (options.group) process.kill(-child.pid!, signal);
      else if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A new empty folder for a test. */
export const temporaryFolder = (name = 'test'): string => mkdtempSync(join(tmpdir(), `certferry-${name}-`));
