import { makeCertificate, zip } from '@certferry/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';

// What a CA mails: a ZIP whose files belong together, by one request and as a job.

let system: RunningSystem;
beforeAll(async () => void (system = await startCertferry('standalone')));
afterAll(() => system.stop());

const send = async (archive: Uint8Array, headers: Record<string, string> = {}) =>
  await call(system, 'POST', '/v1/imports', { contentBase64: Buffer.from(archive).toString('base64') }, headers);
const mailed = async (commonName: string) => {
  const { pem, keyPem } = await makeCertificate({ commonName });
  return zip([
    ['readme.html', '<html>Thank you</html>'],
    ['private/server.key', keyPem],
    ['__MACOSX/._server.crt', 'x'],
    ['server.crt', pem],
  ]);
};

test('the files of an archive are one container, each item says its file', async () => {
  const { status, body } = await send(await mailed('mailed.example.com'));
  expect([status, body['status'], body['format']]).toEqual([200, 'completed', 'zip']);
  expect(body['items']).toMatchObject([{ file: 'server.crt', result: 'created', hasPrivateKey: true }]);
  expect(body['notices']).toEqual([
    'readme.html was passed over: it is neither a certificate nor a private key.',
    '__MACOSX/._server.crt was passed over: it is of the system that made the archive.',
  ]);
});

test('as a job too, also in its table', async () => {
  const started = await send(await mailed('job.example.com'), { prefer: 'respond-async' });
  expect(started.status).toBe(202);
  const path = `/v1/imports/${started.body['id'] as string}`;
  await expect
    .poll(async () => (await call(system, 'GET', path)).body['status'], { timeout: 20_000 })
    .toBe('completed');
  const { body } = await call(system, 'GET', `${path}/items`);
  expect(body['items']).toMatchObject([{ file: 'server.crt', result: 'created', hasPrivateKey: true }]);
  const table = await fetch(`${system.url}${path}/items`, {
    headers: { 'x-api-key': system.apiKey, accept: 'text/csv' },
  });
  expect(await table.text()).toMatch(/\r\n\d+,server\.crt,created,CN=job\.example\.com,/);
});

test('one with nothing of ours is refused with what it holds, and nothing is kept', async () => {
  const before = (await call(system, 'GET', '/v1/imports')).body['items'] as unknown[];
  expect(await send(zip([['README.txt', 'nothing here']]))).toMatchObject({
    status: 400,
    body: {
      reason: 'NOTHING_TO_IMPORT',
      detail: expect.stringContaining('README.txt was passed over') as string,
    },
  });
  expect((await call(system, 'GET', '/v1/imports')).body['items']).toEqual(before);
});
