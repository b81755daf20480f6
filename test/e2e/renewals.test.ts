import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  freePort,
  hasProgram,
  runProgram,
  startProgram,
  temporaryFolder,
  type RunningProgram,
} from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { shellBlocks } from './shell-blocks.ts';

// docs/renewals.md, its commands as printed: a certificate goes to three stores, its renewal comes in, and each store does
// what it says.

const root = join(import.meta.dirname, '..', '..');
const [makeFiles, addStores, leadTime, deploy, show, importNewer, listWaiting, renew, renewOverHttp, decide] =
  shellBlocks(join(root, 'docs', 'renewals.md'));

describe.skipIf(!hasProgram('openssl') || !hasProgram('curl'))('docs/renewals.md', () => {
  const folder = temporaryFolder('renewals');
  const environment: NodeJS.ProcessEnv = {};
  let server: RunningProgram;
  beforeAll(async () => {
    for (const name of ['package.json', 'node_modules', 'apps', 'libs', 'config'])
      symlinkSync(join(root, name), join(folder, name));
    environment['CERTFERRY_HTTP_PORT'] = String(await freePort());
    environment['CERTFERRY_HTTPS_PORT'] = String(await freePort());
    await start();
  });
  afterAll(() => server.stop());

  const start = async (): Promise<void> => {
    const options = { cwd: folder, env: environment, ready: /"msg":"ready"/, group: true };
    server = await startProgram('npm', ['start'], options);
  };
  const run = async (commands: string | undefined): Promise<string> => {
    const script = `set -euo pipefail\n${commands!.replaceAll(':8080', `:${environment['CERTFERRY_HTTP_PORT']}`)}`;
    const env = { ...process.env, ...environment };
    return (await promisify(execFile)('bash', ['-c', script], { cwd: folder, env })).stdout;
  };
  const made = (days: 30 | 90) =>
    new X509Certificate(readFileSync(join(folder, '.certferry/renewals', `${days}.crt`))).fingerprint256;
  const inStore = (name: string) => join(folder, '.certferry', 'stores', name);
  const held = (name: 'web' | 'frozen') => new X509Certificate(readFileSync(inStore(`${name}.pem`))).fingerprint256;
  const heldByJava = async () => {
    const args = ['pkcs12', '-in', inStore('java.p12'), '-passin', 'pass:spring-2026', '-nodes'];
    const pem = await runProgram('openssl', args);
    return { fingerprint: new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERT'))).fingerprint256, pem };
  };
  const keyOfWeb = async () => await runProgram('openssl', ['pkey', '-in', inStore('web.key'), '-pubout']);
  const madeKey = async (days: 30 | 90) =>
    await runProgram('openssl', ['pkey', '-in', join(folder, '.certferry/renewals', `${days}.key`), '-pubout']);

  test('a certificate from a PFX goes to three stores, and it is known where it is', async () => {
    await run(makeFiles);
    await run(addStores);
    expect(await run(leadTime)).toBe('renewals in web: automatic\n');
    expect(await run(deploy)).toMatch(
      /^www.example.test is CN=www.example.test, valid until .*, with its private key \(/m,
    );
    expect([held('web'), held('frozen'), (await heldByJava()).fingerprint]).toEqual([made(30), made(30), made(30)]);
    const shown = await run(show);
    for (const expected of [
      /^In stores .*frozen since /m,
      /^ +java \(tomcat\) since /m,
      /^ +web since /m,
      /^java +tomcat +yes /m,
    ])
      expect(shown).toMatch(expected);
  });

  test('its renewal comes in while the process is killed again and again, and the automatic store gets it, once', async () => {
    await run(importNewer);
    for (let kills = 0; kills < 3; kills++) {
      await server.stop('SIGKILL');
      await start();
    }
    await vi.waitFor(() => expect(held('web')).toBe(made(90)), { timeout: 60_000, interval: 200 });
    expect(await keyOfWeb()).toBe(await madeKey(90));
    await vi.waitFor(async () => expect(await run('npx certferry jobs ls --store web')).not.toMatch(/running|queued/), {
      timeout: 30_000,
    });
    expect(JSON.parse(await run('npx certferry jobs ls --store web --json'))).toHaveLength(2);
    expect([held('frozen'), (await heldByJava()).fingerprint]).toEqual([made(30), made(30)]);
  });

  test('the store that wants to be asked is listed, and renewed by one call; the one that says never stays', async () => {
    const listed = await run(listWaiting);
    expect(listed).toMatch(/^java +tomcat +ask +waiting /m);
    expect(listed).not.toMatch(/^(web|frozen) /m);
    expect(JSON.parse(listed.slice(listed.indexOf('{"items"')))).toMatchObject({
      items: [{ storeName: 'java', alias: 'tomcat', mode: 'ask' }],
    });
    const done = await run(renew);
    expect(done).toMatch(/^java +tomcat +replace /m);
    expect(done).toMatch(/^frozen +- +left alone /m);
    expect(done).toMatch(/ succeeded +add /);
    const { fingerprint, pem } = await heldByJava();
    expect(fingerprint).toBe(made(90));
    expect(pem).toMatch(/friendlyName: tomcat/);
    expect(pem).toContain('BEGIN PRIVATE KEY');
    expect([held('web'), held('frozen')]).toEqual([made(90), made(30)]);
    expect(JSON.parse(await run(renewOverHttp))).toMatchObject({
      plan: [{ storeName: 'frozen', leftAlone: true, changes: [] }],
    });
    expect(await run('npx certferry renew')).not.toMatch(/web|java|frozen/);
  });

  test('a person unlinks and links, and names the store that says never', async () => {
    const shown = await run(decide);
    expect(shown).toMatch(/ replaces none$/m);
    expect(shown).toMatch(/^[0-9a-f-]{36} replaces [0-9a-f-]{36}$/m);
    expect(shown).toMatch(/^Replaced by +[0-9a-f-]{36}$/m);
    await run('npx certferry renew www.example.test --store frozen --wait');
    expect(held('frozen')).toBe(made(90));
  });
});
