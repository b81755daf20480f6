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
const hasCompose = findProgram('docker') !== undefined && spawnSync('docker', ['compose', 'version']).status === 0;

/** Made with the contracts that are kept from then on: those before were split. */
const FIRST_KEPT = 'proto/certferry/inventory/v1/certificates.proto';

/** The later of main and the commit that added FIRST_KEPT; undefined where neither is in this clone. */
function contractsToKeep(): string | undefined {
  const added = git('log', '--diff-filter=A', '--format=%H', 'HEAD', '--', FIRST_KEPT).stdout.trim().split('\n').at(-1);
  const main = git('rev-parse', '--verify', '--quiet', 'origin/main').stdout.trim();
  if (!added) return git('cat-file', '-e', `${main}:${FIRST_KEPT}`).status === 0 ? main : undefined;
  return main && git('merge-base', '--is-ancestor', added, main).status === 0 ? main : added;
}
const kept = contractsToKeep();

const steps: Step[] = [
  { name: 'buf lint', command: bin('buf'), args: ['lint'] },
  {
    name: 'buf breaking',
    command: bin('buf'),
    args: ['breaking', '--against', `${git('rev-parse', '--git-common-dir').stdout.trim()}#ref=${kept}`],
    skip: kept ? undefined : `neither origin/main nor the commit that added ${FIRST_KEPT} is here`,
  },
  { name: 'generate', command: process.execPath, args: ['tools/generate.ts'] },
  {
    name: 'generated code is committed',
    command: 'git',
    args: ['diff', '--exit-code', '--stat', '--', 'libs/contracts/src'],
  },
  {
    name: 'format',
    command: bin('prettier'),
    args: ['--check', '--log-level', 'warn', '--cache', '.'],
  },
  { name: 'lint, typecheck, test', command: bin('nx'), args: ['run-many', '-t', 'lint', 'typecheck', 'test'] },
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
