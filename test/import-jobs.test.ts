import { makeCertificate, type TestCertificate } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { call, startCertferry, type RunningSystem } from './running-system.ts';

// Import jobs of the product as it is installed, which is killed while it works.

const MIB = 1024 * 1024;
const CERTIFICATES = 700;
/** Text that is in no block, so that some hundred certificates are a large file. */
const filler = 'Bag Attributes: <No Attributes>\n'.repeat(500);
const BAD = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

let system: RunningSystem;
let made: TestCertificate[];

beforeAll(async () => {
  system = await startCertferry('standalone');
  made = [];
  for (let i = 0; i < CERTIFICATES; i++)
    made.push(await makeCertificate({ commonName: `job-${String(i).padStart(4, '0')}.example.com` }));
});
afterAll(() => system.stop());

const api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  call(system, method, path, body, headers);
const formOf = (content: string | Buffer, fields: Record<string, string> = {}): FormData => {
  const form = new FormData();
  form.set('file', new Blob([new Uint8Array(Buffer.from(content))]), 'large.pem');
  // Behind the file, where they are read last.
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
};
const largePem = (): Buffer => {
  const content = Buffer.from(made.map(({ pem }) => filler + pem).join('') + BAD);
  expect(content.length).toBeGreaterThan(10 * MIB);
  return content;
};
const get = async (id: string) => (await api('GET', `/v1/imports/${id}`)).body;
const until = (id: string, wanted: (one: Record<string, any>) => boolean, timeout = 90_000) =>
  vi.waitFor(
    async () => {
      const one = await get(id);
      if (!wanted(one)) throw new Error(`it is ${JSON.stringify(one)}`);
      return one;
    },
    { timeout, interval: 20 },
  );
const total = async (filter: string) =>
  (await api('GET', `/v1/certificates?limit=1&withTotal=true&filter=${encodeURIComponent(filter)}`)).body['total'];
const restart = async (signal: NodeJS.Signals) => {
  await system.stop(signal);
  await system.restart();
};

describe('an import job', () => {
  test('is what a large upload becomes; killed while it works, paused and gone on with, it ends with the same inventory', async () => {
    const sent = await api('POST', '/v1/imports', formOf(largePem(), { tags: '["large"]', name: 'x' }));
    expect(sent.status).toBe(202);
    const id = sent.body['id'] as string;
    expect(sent.headers.get('location')).toBe(`/v1/imports/${id}`);
    expect(sent.body).toMatchObject({ status: 'queued', fileName: 'large.pem', bytes: largePem().length, items: [] });
    let killedAt = 0;
    for (let kill = 1; kill <= 3; kill++) {
      const running = await until(id, ({ done }) => done > killedAt);
      if (running['status'] === 'running') expect(running).toMatchObject({ itemsPerSecond: expect.any(Number) });
      expect(running['done'], 'the kill came before the end').toBeLessThan(CERTIFICATES);
      killedAt = running['done'] as number;
      await restart('SIGKILL');
    }
    await api('POST', `/v1/imports/${id}/pause`);
    const paused = await until(id, ({ status }) => status === 'paused');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const still = await get(id);
    // The items that it was at are counted.
    expect(still['done'] - paused['done']).toBeLessThanOrEqual(100);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await get(id))['done']).toBe(still['done']);
    await restart('SIGKILL');
    expect(await get(id)).toMatchObject({ status: 'paused', done: still['done'] });
    expect((await api('POST', `/v1/imports/${id}/resume`)).status).toBe(200);
    const done = await until(id, ({ completedAt }) => completedAt !== undefined);
    expect(done).toMatchObject({ status: 'partial', total: CERTIFICATES + 1, done: CERTIFICATES + 1, failed: 1 });
    expect(done['created'] + done['unchanged']).toBe(CERTIFICATES);
    expect(await total('Tag -eq "large"')).toBe(CERTIFICATES);
  }, 180_000);

  test('tells what became of each item, as JSON page by page and as a table for a spreadsheet', async () => {
    const { body: list } = await api('GET', '/v1/imports?status=partial');
    const { id } = list['items'][0] as { id: string };
    expect(list['items'][0]).not.toHaveProperty('items');
    const indexes: number[] = [];
    for (let cursor = ''; ;) {
      const { body } = await api('GET', `/v1/imports/${id}/items?limit=300${cursor && `&cursor=${cursor}`}`);
      indexes.push(...body['items'].map(({ index }: { index: number }) => index));
      cursor = (body['nextCursor'] as string | undefined) ?? '';
      if (!cursor) break;
    }
    expect(indexes).toEqual(Array.from({ length: CERTIFICATES + 1 }, (_, i) => i));
    const failed = (await api('GET', `/v1/imports/${id}/items?result=failed`)).body['items'];
    expect(failed).toMatchObject([{ index: CERTIFICATES, result: 'failed', reason: 'MALFORMED' }]);
    const csv = await api('GET', `/v1/imports/${id}/items`, undefined, { accept: 'text/csv' });
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const rows = (csv.body as unknown as string).trimEnd().split('\r\n');
    expect(rows.length).toBe(CERTIFICATES + 2);
    expect(rows[0]).toMatch(/^index,file,result,subject,/);
    expect(rows[1]).toContain('CN=job-0000.example.com');
    expect((await api('GET', '/v1/imports/nobody/items', undefined, { accept: 'text/csv' })).status).toBe(404);
  });

  test('of any size, when the caller prefers not to wait (RFC 7240); cancelled it keeps what it has', async () => {
    const contentBase64 = Buffer.from(made[0]!.pem).toString('base64');
    const answer = await api('POST', '/v1/imports', { contentBase64 }, { prefer: 'wait=5, respond-async' });
    expect([answer.status, answer.headers.get('preference-applied')]).toEqual([202, 'respond-async']);
    expect(await until(answer.body['id'] as string, ({ status }) => status === 'completed')).toMatchObject({
      total: 1,
    });
    const id = (await api('POST', '/v1/imports', formOf(largePem()))).body['id'] as string;
    expect((await api('POST', `/v1/imports/${id}/cancel`)).body).toMatchObject({ status: 'cancelled' });
    expect((await api('POST', `/v1/imports/${id}/resume`)).body).toMatchObject({ reason: 'IMPORT_HAS_ENDED' });
    await restart('SIGTERM');
    const after = await get(id);
    expect(after).toMatchObject({ status: 'cancelled' });
    expect(after['done']).toBeLessThan(CERTIFICATES);
  });

  test('is not made of what is large and neither PEM nor an archive, nor of a form that is wrong behind its file', async () => {
    const before = (await api('GET', '/v1/imports?withTotal=true')).body['total'] as number;
    const large = await api('POST', '/v1/imports', formOf(Buffer.alloc(10 * MIB + 1)));
    expect([large.status, large.body['details']]).toEqual([413, { limit: 'container bytes', value: String(10 * MIB) }]);
    const wrong = await api('POST', '/v1/imports', formOf(largePem(), { tags: 'no JSON' }));
    expect([wrong.status, wrong.body['reason']]).toEqual([400, 'INVALID_FIELD']);
    const inspected = await api('POST', '/v1/imports/inspect', formOf(largePem()));
    expect(inspected.status).toBe(413);
    expect((await api('GET', '/v1/imports?withTotal=true')).body['total']).toBe(before);
  });
});
