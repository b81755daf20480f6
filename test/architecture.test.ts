import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runtimeConfig } from '@certferry/runtime';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

/** Lints one file that is written for it, and answers what the linter says. */
async function lintPlanted(path: string, source: string): Promise<string> {
  const file = join(root, path);
  writeFileSync(file, source);
  try {
    const { stdout } = await run(process.execPath, ['node_modules/.bin/eslint', path], {
      cwd: root,
      env: { ...process.env, NX_DAEMON: 'false' },
    });
    return stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout;
  } finally {
    rmSync(file);
  }
}

test.each([
  [
    'a service that imports a service',
    'libs/inventory/src/planted-service.ts',
    "import { parser } from '@certferry/parser';\nexport const planted = parser;\n",
  ],
  [
    'the core that imports a platform lib',
    'libs/core/src/planted-platform.ts',
    "import { host } from '@certferry/runtime';\nexport const planted = host;\n",
  ],
  [
    'the core that imports mongoose',
    'libs/x509/src/planted-mongoose.ts',
    "import mongoose from 'mongoose';\nexport const planted = mongoose;\n",
  ],
])('lint refuses %s', { timeout: 120_000 }, async (_, path, source) => {
  expect(await lintPlanted(path, source)).toContain('@nx/enforce-module-boundaries');
});

test.each(['embedded', 'distributed'])('the profile %s is valid', (name) => {
  const profile = JSON.parse(readFileSync(join(root, 'config', `${name}.json`), 'utf8')) as Record<string, unknown>;
  expect(runtimeConfig.safeParse(profile['runtime']).error).toBeUndefined();
});

test('every environment variable is in the documentation', async () => {
  const { ENVIRONMENT } = await import('@certferry/runtime');
  const documentation = readFileSync(join(root, 'docs/configuration.md'), 'utf8');
  expect(Object.keys(ENVIRONMENT).filter((name) => !documentation.includes(`\`${name}\``))).toEqual([]);
});
