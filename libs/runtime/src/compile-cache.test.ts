import { spawnSync } from 'node:child_process';
import { globSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { temporaryFolder } from '@certferry/testing';
import { expect, test } from 'vitest';

const MAIN = pathToFileURL(join(import.meta.dirname, 'main.ts')).href;

/** An app without services that is killed as soon as it runs; what Node.js says of its cache. */
function startAndKill({ dataDir, profile = '' }: { dataDir?: string; profile?: string }): string {
  const app = `const { main } = await import('${MAIN}');
    await main(() => Promise.resolve([]), '${profile}');
    process.stderr.write('runs\\n', () => process.kill(process.pid, 'SIGKILL'));`;
  const { stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', app], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...(dataDir && { CERTFERRY_DATA_DIR: dataDir }), NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
  });
  expect(stderr.slice(-100)).toContain('runs\n');
  expect(signal).toBe('SIGKILL');
  return stderr;
}
/** Of the product's own files those that were not compiled again. */
const reused = (said: string) => said.split('\n').filter((line) => /libs\/runtime\/src\/host\.ts.*accepted/.test(line));

test('what a start has compiled is used by the next, though it was killed', { timeout: 60_000 }, () => {
  const dataDir = join(temporaryFolder('compiled'), 'data');
  const profile = join(temporaryFolder('profile'), 'profile.json');
  writeFileSync(profile, JSON.stringify({ runtime: { dataDir } }));
  expect(reused(startAndKill({ profile }))).toEqual([]);
  expect(reused(startAndKill({ dataDir }))).not.toEqual([]);
  for (const folder of [dataDir, join(dataDir, 'compile-cache')]) expect(statSync(folder).mode & 0o777).toBe(0o700);
  // What is not as it was written is compiled again, and a start does without the folder.
  for (const path of globSync(join(dataDir, 'compile-cache/*/*'))) writeFileSync(path, 'torn');
  expect(reused(startAndKill({ dataDir }))).toEqual([]);
  expect(reused(startAndKill({ dataDir }))).not.toEqual([]);
  rmSync(join(dataDir, 'compile-cache'), { recursive: true });
  writeFileSync(join(dataDir, 'compile-cache'), 'no folder');
  expect(reused(startAndKill({ dataDir }))).toEqual([]);
});
