import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { RunningSystem } from '../running-system.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'apps', 'cli', 'src', 'main.ts');

/** The `certferry` command of a running system, in a folder. */
export interface CommandLine {
  run(args: string[], options?: { env?: NodeJS.ProcessEnv; input?: string | Buffer }): Promise<CommandResult>;
  /** Runs it on a terminal (of util-linux's `script`) and types answers, each when its question is shown; resolves to all that was shown. */
  onTerminal(args: string[], answers?: { question: string; typed: string }[]): Promise<string>;
}

interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export function commandLine(system: RunningSystem, folder: string): CommandLine {
  const environment = { ...process.env, CERTFERRY_URL: system.url, CERTFERRY_API_KEY: system.apiKey };
  delete (environment as NodeJS.ProcessEnv)['CERTFERRY_PASSWORD'];
  return {
    run: (args, { env = {}, input = '' } = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { ...environment, ...env } });
        const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
        child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
        child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
        child.stdin.on('error', () => undefined).end(input);
        child.once('error', reject);
        child.once('close', (code) =>
          resolve({ code, stdout: Buffer.concat(stdout).toString('latin1'), stderr: Buffer.concat(stderr).toString() }),
        );
      }),
    onTerminal: (args, answers = []) =>
      new Promise((resolve) => {
        const command = [process.execPath, MAIN, ...args].join(' ');
        const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: folder, env: environment });
        let output = '';
        let from = 0;
        const open = [...answers];
        child.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          const at = open[0] ? output.indexOf(open[0].question, from) : -1;
          if (at < 0) return;
          from = at + open[0]!.question.length;
          child.stdin.write(open.shift()!.typed);
        });
        child.once('close', () => resolve(output));
      }),
  };
}
