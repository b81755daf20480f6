import { spawnSync } from 'node:child_process';
import { findProgram } from '@certferry/testing';

// Everything that is checked without running the product. Prints a line a step; the exit code is the number of failures.

interface Step {
  name: string;
  command: string;
  args: string[];
  /** Why it cannot run here. */
  skip?: string;
}

const bin = (name: string) => `node_modules/.bin/${name}`;
const git = (...args: string[]) => spawnSync('git', args, { encoding: 'utf8' });
const hasMain = git('rev-parse', '--verify', 'origin/main').status === 0;
const hasProtosBefore = hasMain && git('cat-file', '-e', 'origin/main:buf.yaml').status === 0;
const hasCompose = findProgram('docker') !== undefined && spawnSync('docker', ['compose', 'version']).status === 0;

const steps: Step[] = [
  { name: 'buf lint', command: bin('buf'), args: ['lint'] },
  {
    name: 'buf breaking',
    command: bin('buf'),
    args: ['breaking', '--against', '.git#ref=origin/main'],
    skip: hasProtosBefore ? undefined : 'there is no earlier main to compare with',
  },
  { name: 'generate', command: process.execPath, args: ['tools/generate.ts'] },
  {
    name: 'generated code is committed',
    command: 'git',
    args: ['diff', '--exit-code', '--stat', '--', 'libs/contracts/src'],
  },
  { name: 'typecheck', command: bin('tsc'), args: ['--noEmit', '-p', 'tsconfig.json'] },
  { name: 'format', command: bin('prettier'), args: ['--check', '--log-level', 'warn', '.'] },
  // Without it the rule of the boundaries passes silently.
  { name: 'project graph', command: bin('nx'), args: ['show', 'projects'] },
  // Together they take more memory than Node gives a process.
  { name: 'lint libs', command: bin('eslint'), args: ['libs'] },
  { name: 'lint the rest', command: bin('eslint'), args: ['.', '--ignore-pattern', 'libs/**'] },
  {
    name: 'docker compose config',
    command: 'docker',
    args: ['compose', 'config', '--quiet'],
    skip: hasCompose ? undefined : 'there is no docker compose here',
  },
];

let failures = 0;
for (const { name, command, args, skip } of steps) {
  if (skip) {
    console.log(`check: ${name}: not run, ${skip}`);
    continue;
  }
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, NX_DAEMON: 'false' },
    maxBuffer: 64 * 1024 * 1024,
  });
  console.log(
    `check: ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${((performance.now() - start) / 1000).toFixed(1)} s)`,
  );
  if (status !== 0) {
    failures++;
    console.log(`${stdout}${stderr}`);
  }
}
process.exitCode = failures;
