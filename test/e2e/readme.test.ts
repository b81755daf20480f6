import { execFile } from 'node:child_process';
import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, hasProgram, startProgram, temporaryFolder, type RunningProgram } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shellBlocks } from './shell-blocks.ts';

const root = join(import.meta.dirname, '..', '..');
const blocks = shellBlocks(join(root, 'README.md'));
const dialectPages = readdirSync(join(root, 'docs', 'dialects')).map((name) => `docs/dialects/${name}`);
const INSTALL = ['npm ci && npm start\n', 'npm ci && npm test\n'];

describe.skipIf(!hasProgram('openssl') || !hasProgram('curl'))('the README', () => {
  let server: RunningProgram;
  let folder: string;
  let http: number;
  beforeAll(async () => {
    folder = temporaryFolder('readme');
    for (const name of ['package.json', 'node_modules', 'apps', 'libs', 'config'])
      symlinkSync(join(root, name), join(folder, name));
    [http] = [await freePort()];
    const env = { CERTFERRY_HTTP_PORT: String(http), CERTFERRY_HTTPS_PORT: String(await freePort()) };
    server = await startProgram('npm', ['start'], { cwd: folder, env, ready: /"msg":"ready"/, group: true });
  });
  afterAll(() => server.stop());

  const run = async (commands: string[]): Promise<string> => {
    const script = ['set -euo pipefail', ...commands].join('\n').replaceAll(':8080', `:${http}`);
    const env = { ...process.env, CERTFERRY_HTTP_PORT: String(http) };
    return (await promisify(execFile)('bash', ['-c', script], { cwd: folder, env })).stdout;
  };

  test.each(['README.md', 'docs/importing.md', 'docs/renewals.md', ...dialectPages])(
    '%s: a refused call ends a command with an error',
    (path) => {
      const calls = shellBlocks(join(root, path)).flatMap((block) => block.match(/\bcurl .*/gm) ?? []);
      expect(calls.filter((line) => !line.startsWith('curl --fail-with-body '))).toEqual([]);
    },
  );

  test('begins with the two commands, which .ci/run runs', () => {
    expect(blocks.slice(0, 2)).toEqual(INSTALL);
  });

  test('has a tour that works as printed', async () => {
    const stdout = await run(blocks.slice(2));
    for (const expected of [
      'CN=web1.example.com,O=Acme',
      'created',
      'added store nginx',
      'create',
      'succeeded',
      'Key is valid',
      '"result":"unchanged"',
      '"hasPrivateKey":true',
      '"ImportStatus":0,"JobStatus":1',
    ]) {
      expect(stdout).toContain(expected);
    }
  });

  test.each(dialectPages)('%s: every command works as printed', async (path) => {
    const output = await run(shellBlocks(join(root, path)));
    expect(output).toMatch(/"status":"healthy"|RFPEM|"token":|"id":"IOT_/);
    expect(output).not.toMatch(/"reason":|ErrorCode|"errors":/);
  });
});
