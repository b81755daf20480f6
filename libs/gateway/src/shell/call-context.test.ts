import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callContext } from '@certferry/rpc';
import { afterEach, expect, test } from 'vitest';
import { openTestGateway, type FakeServices, type TestGateway } from '../testing/open-test-gateway.ts';
import { probeDialect } from '../testing/probe-dialect.ts';

let gateway: TestGateway;
afterEach(() => gateway.close());

const fields = { listMetadataFields: () => Promise.resolve({ fields: [] }) };

test('every call to a service carries who asks and the request id of answer, log and audit record', async () => {
  const services: FakeServices = {
    metadataFields: fields,
    stores: {
      createStore: ({ store }) =>
        Promise.resolve({ store: { ...store, id: 'x', createdAt: new Date(), updatedAt: new Date() } }),
    },
    imports: { importCertificates: () => Promise.reject(new Error('seen')) },
  };
  gateway = await openTestGateway({ services });
  const payload = { name: 'web', kind: 'pem', config: {} };
  const form = '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nbytes\r\n--x--\r\n';
  const headers = { 'x-api-key': gateway.adminKey, 'content-type': 'multipart/form-data; boundary=x' };
  const answers = [
    await gateway.send({ method: 'GET', url: '/v1/metadata-fields' }),
    await gateway.send({ method: 'POST', url: '/v1/stores', payload }),
    await gateway.send({ method: 'POST', url: '/v1/imports', payload: form, headers }),
    await gateway.send({ method: 'GET', url: '/KeyfactorAPI/MetadataFields' }),
  ];
  const ids = answers.map((answer) => answer.headers['x-request-id']);
  const caller = (await gateway.context.apiKeys.list())[0]!._id;
  expect(gateway.calls).toEqual([
    { method: 'MetadataFieldService/ListMetadataFields', requestId: ids[0], caller },
    { method: 'StoreService/CreateStore', requestId: ids[1], caller },
    { method: 'ImportService/ImportCertificates', requestId: ids[2], caller },
    { method: 'MetadataFieldService/ListMetadataFields', requestId: ids[3], caller },
  ]);
  const audited = await gateway.context.audit.list(10, undefined);
  expect(audited.map((record) => record.requestId)).toEqual([ids[2], ids[1]]);
  const logged = gateway.log.filter(({ message }) => message === 'request').map(({ line }) => line['requestId']);
  expect(logged).toEqual(ids);
});

test('credentials in a form: the call still says who asks', async () => {
  const services = { stores: { listStores: () => Promise.resolve({ items: [] }) } };
  gateway = await openTestGateway({ services });
  const post = (url: string, form: Record<string, string>) =>
    gateway.send({
      method: 'POST',
      url,
      payload: new URLSearchParams(form).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  const login = { username: 'siteadmin', password: gateway.adminKey, client: 'requestip', f: 'json' };
  const { token } = (await post('/arcgis/sharing/rest/generateToken', login)).json();
  await post('/arcgis/portaladmin/security/sslCertificates/update', { token, f: 'json' });
  const caller = (await gateway.context.apiKeys.list())[0]!._id;
  expect(gateway.calls).toMatchObject([{ method: 'StoreService/ListStores', caller }]);
});

test('a client that leaves aborts what is read for it; one that waits does not', async () => {
  const signals: AbortSignal[] = [];
  let arrived!: () => void;
  const arrival = new Promise<void>((resolve) => (arrived = resolve));
  const probe = probeDialect((app) => {
    app.get('/slow', { config: { scope: 'read' } }, async () => {
      const { signal, deadline } = callContext();
      signals.push(signal);
      expect(deadline!.getTime()).toBeGreaterThan(Date.now());
      arrived();
      await once(signal, 'abort');
      return 'nobody reads it';
    });
    app.get('/quick', { config: { scope: 'read' } }, () => {
      signals.push(callContext().signal);
      return Promise.resolve('read');
    });
  });
  gateway = await openTestGateway({ dialects: [probe] });
  await gateway.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = gateway.app.server.address() as AddressInfo;
  const headers = { 'x-api-key': gateway.adminKey };
  const slow = request({ port, path: '/probe/slow', headers });
  slow.on('error', () => undefined);
  slow.end();
  await arrival;
  expect(signals[0]!.aborted).toBe(false);
  slow.destroy();
  await expect.poll(() => signals[0]!.aborted).toBe(true);
  expect(await (await fetch(`http://127.0.0.1:${port}/probe/quick`, { headers })).text()).toBe('read');
  await expect.poll(() => gateway.log.filter(({ message }) => message === 'request').length).toBeGreaterThan(0);
  expect(signals[1]!.aborted).toBe(false);
});

test('a client that leaves does not break off a change: it has its outcome, and the answer for a second call', async () => {
  let arrived!: () => void;
  const arrival = new Promise<void>((resolve) => (arrived = resolve));
  const services: FakeServices = {
    metadataFields: { listMetadataFields: () => Promise.resolve({ fields: [{ number: 7, name: 'made' }] }) },
  };
  const probe = probeDialect((app, context) =>
    app.post('/change', { config: { scope: 'write', idempotent: true } }, async ({ raw }) => {
      const left = raw.socket.closed ? undefined : once(raw.socket, 'close');
      arrived();
      await left;
      return (await context.services.metadataFields.listMetadataFields({})).fields;
    }),
  );
  gateway = await openTestGateway({ services, dialects: [probe] });
  await gateway.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = gateway.app.server.address() as AddressInfo;
  const headers = { 'x-api-key': gateway.adminKey, 'idempotency-key': 'once' };
  const first = request({ port, method: 'POST', path: '/probe/change', headers });
  first.on('error', () => undefined);
  first.end();
  await arrival;
  first.destroy();
  await expect
    .poll(async () => (await gateway.context.audit.list(1, undefined))[0]?.outcome)
    .toEqual({ status: 200, reason: '' });
  const again = await fetch(`http://127.0.0.1:${port}/probe/change`, { method: 'POST', headers });
  expect([again.headers.get('idempotency-replayed'), await again.json()]).toEqual([
    'true',
    [{ number: 7, name: 'made' }],
  ]);
  expect(gateway.calls).toHaveLength(1);
});
