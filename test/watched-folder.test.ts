import { mkdirSync, existsSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { makeCertificate, temporaryFolder } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { call, startCertferry, type RunningSystem } from './running-system.ts';

// The product with a folder that it watches, which is killed while it works.

const MIB = 1024 * 1024;
const BAD = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

let system: RunningSystem;
let watched: string;

beforeAll(async () => {
  watched = temporaryFolder('watched');
  system = await startCertferry('standalone');
  await system.stop();
  const config = join(system.dataDir, 'config.json');
  const passwordFile = join(system.dataDir, 'watch-password');
  writeFileSync(passwordFile, 'canary-watch\n');
  const watch = [{ folder: watched, tags: ['watched'], passwordFile, quietSeconds: 1, pollSeconds: 0.2 }];
  writeFileSync(config, JSON.stringify({ inventory: { watch } }));
  system.environment['CERTFERRY_CONFIG'] = config;
  await system.restart();
});
afterAll(() => system.stop());

const api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  call(system, method, path, body, headers);
const total = async (filter: string) =>
  (await api('GET', `/v1/certificates?limit=1&withTotal=true&filter=${encodeURIComponent(filter)}`)).body['total'];
const restart = async (signal: NodeJS.Signals) => {
  await system.stop(signal);
  await system.restart();
};

describe('a watched folder', () => {
  const path = (...names: string[]) => join(watched, ...names);
  const told = (name: string) => {
    const file = path(`${name}.certferry-error.txt`);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  const importsOf = async (fileName: string) => {
    const { body } = await api('GET', '/v1/imports?limit=200');
    return body['items'].filter((one: { fileName?: string }) => one.fileName === fileName) as Record<string, any>[];
  };
  const imported = (fileName: string, count = 1) =>
    vi.waitFor(
      async () => {
        const found = await importsOf(fileName);
        expect(found.map(({ completedAt }) => typeof completedAt)).toEqual(Array(count).fill('string'));
        return found;
      },
      { timeout: 30_000, interval: 50 },
    );

  test('what appears in it is imported when it is whole, also below folders; killed in between, once', async () => {
    mkdirSync(path('sub', 'deep'), { recursive: true });
    const own = await Promise.all(
      ['a', 'b'].map((name) => makeCertificate({ commonName: `watch-${name}.example.com` })),
    );
    writeFileSync(path('sub', 'deep', 'a.pem'), own[0]!.pem + own[0]!.keyPem);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await restart('SIGKILL');
    const [first] = await imported('sub/deep/a.pem');
    expect(first).toMatchObject({ status: 'completed', done: 1, failed: 0, requestedBy: `watch:${basename(watched)}` });
    expect(await total('Tag -eq "watched"')).toBe(1);
    // A file that still grows is left alone.
    writeFileSync(path('grows.pem'), own[1]!.pem.slice(0, 100));
    await new Promise((resolve) => setTimeout(resolve, 600));
    writeFileSync(path('grows.pem'), own[1]!.pem);
    expect(await imported('grows.pem')).toMatchObject([{ status: 'completed', created: 1 }]);
    await restart('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect([(await importsOf('sub/deep/a.pem')).length, (await importsOf('grows.pem')).length]).toEqual([1, 1]);
    expect(existsSync(path('grows.pem'))).toBe(true);
  });

  test('what was written before is whole at once; the same content is not imported again, another is', async () => {
    const [one, other] = await Promise.all(
      ['c', 'd'].map((name) => makeCertificate({ commonName: `watch-${name}.example.com` })),
    );
    const outside = join(temporaryFolder('outside'), 'moved.pem');
    writeFileSync(outside, one!.pem);
    utimesSync(outside, 1_700_000_000, 1_700_000_000);
    renameSync(outside, path('moved.pem'));
    await imported('moved.pem');
    writeFileSync(path('copy.pem'), one!.pem);
    writeFileSync(path('moved.pem'), other!.pem);
    const found = await imported('moved.pem', 2);
    expect(found.map(({ created }) => created)).toEqual([1, 1]);
    expect(await importsOf('copy.pem')).toEqual([]);
  });

  test('what failed is said beside it and in an event, never a password, until it is right', async () => {
    const { pem } = await makeCertificate({ commonName: 'watch-e.example.com' });
    writeFileSync(path('bad.pem'), pem + BAD);
    expect(await imported('bad.pem')).toMatchObject([{ status: 'partial', failed: 1 }]);
    await vi.waitFor(() => expect(told('bad.pem')).toMatch(/partial: 1 of 2 failed[^]*item 1: MALFORMED: /), 10_000);
    writeFileSync(path('rubbish.bin'), Buffer.alloc(10 * MIB + 1));
    expect(await imported('rubbish.bin')).toMatchObject([{ status: 'failed', problem: { reason: 'LIMIT_EXCEEDED' } }]);
    await vi.waitFor(() => expect(told('rubbish.bin')).toMatch(/^LIMIT_EXCEEDED: /), 10_000);
    symlinkSync('/etc/hostname', path('link.pem'));
    expect(await imported('link.pem')).toMatchObject([{ status: 'failed', problem: { reason: 'LINK_OUT_OF_FOLDER' } }]);
    writeFileSync(path('bad.pem'), pem);
    await imported('bad.pem', 2);
    await vi.waitFor(() => expect(told('bad.pem')).toBeUndefined(), 10_000);
    expect(`${told('rubbish.bin')}${told('link.pem')}${system.output()}`).not.toContain('canary');
    const stream = await fetch(`${system.url}/v1/events?types=certferry.inventory.import.failed`, {
      headers: { 'x-api-key': system.apiKey },
    });
    const reader = stream.body!.getReader();
    writeFileSync(path('more.bin'), Buffer.alloc(10 * MIB + 2));
    let text = '';
    while (!text.includes('"status":"failed"')) text += Buffer.from((await reader.read()).value!).toString();
    expect(text).toContain('certferry.inventory.import.failed');
    await reader.cancel();
  });
});
