import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runtimeConfig } from '@certferry/runtime';
import { temporaryFolder } from '@certferry/testing';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

interface Graph {
  nodes: Record<string, { data: { targets: Record<string, unknown> } }>;
}
let graph: Graph;
// Rules that read types are off: they would read the whole tree's for files that are not on the disk.
let eslint: ESLint;
beforeAll(async () => {
  // Without the graph of the projects the rule of the boundaries passes silently.
  const file = join(temporaryFolder('graph'), 'graph.json');
  await promisify(execFile)('node_modules/.bin/nx', ['graph', `--file=${file}`], { cwd: root });
  ({ graph } = JSON.parse(readFileSync(file, 'utf8')) as { graph: Graph });
  eslint = new ESLint({ cwd: root, overrideConfig: [tseslint.configs.disableTypeChecked] });
}, 120_000);

test.each([
  [
    'a service that imports a service',
    'libs/inventory/src/planted-service.ts',
    "import { parser } from '@certferry/parser';\nexport const planted = parser;\n",
    '@nx/enforce-module-boundaries',
  ],
  [
    'the core that imports a platform lib',
    'libs/core/src/planted-platform.ts',
    "import { host } from '@certferry/runtime';\nexport const planted = host;\n",
    '@nx/enforce-module-boundaries',
  ],
  [
    'the core that imports mongoose',
    'libs/x509/src/planted-mongoose.ts',
    "import mongoose from 'mongoose';\nexport const planted = mongoose;\n",
    '@nx/enforce-module-boundaries',
  ],
  [
    'an import circle',
    'libs/testing/src/programs.ts',
    "import { startNats } from './servers.ts';\nexport const findProgram = startNats;\n",
    'import-x/no-cycle',
  ],
])('lint refuses %s', { timeout: 60_000 }, async (_, filePath, planted, rule) => {
  const [result] = await eslint.lintText(planted, { filePath: join(root, filePath) });
  expect(result!.messages.map(({ ruleId }) => ruleId)).toEqual([rule]);
});

test('every project has lint, typecheck and test', () => {
  const projects = Object.entries(graph.nodes);
  expect(projects.map(([name]) => name)).toEqual(expect.arrayContaining(['certferry', '@certferry/core']));
  for (const [name, { data }] of projects)
    expect([name, ...Object.keys(data.targets).toSorted()]).toEqual([name, 'lint', 'test', 'typecheck']);
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
