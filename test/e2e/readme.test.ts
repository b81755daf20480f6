import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, hasProgram, startProgram, temporaryFolder, type RunningProgram } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].map(
  (match) => match[1]!,
);
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
    server = await startProgram('npm', ['start'], { cwd: folder, env, ready: /"msg":"ready"/ });
  });
  afterAll(() => server.stop());

  test('begins with the two commands, which .ci/run runs', () => {
    expect(blocks.slice(0, 2)).toEqual(INSTALL);
  });

  test('has a tour that works as printed', async () => {
    const script = ['set -euo pipefail', ...blocks.slice(2)].join('\n').replaceAll(':8080', `:${http}`);
    const { stdout } = await promisify(execFile)('bash', ['-c', script], {
      cwd: folder,
      env: { ...process.env, CERTFERRY_HTTP_PORT: String(http) },
    });
    for (const expected of [
      'CN=web1.example.com,O=Acme',
      'created',
      'added store nginx',
      'create',
      'succeeded',
      'Key is valid',
      '"result":"unchanged"',
      '"hasPrivateKey":true',
    ]) {
      expect(stdout).toContain(expected);
    }
  });
});
