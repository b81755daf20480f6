import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, makeChain, runProgram, useMongoDb, useNats } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, finalJob, startCertferry, type RunningSystem, type Shape } from '../running-system.ts';

const [mongodb, nats] = [await useMongoDb(), await useNats()];
const shapes: Shape[] = mongodb && nats ? ['standalone', 'four processes'] : ['standalone'];
const fixture = (name: string) => readFileSync(new URL(`../../libs/x509/fixtures/${name}`, import.meta.url));
/** Secrets of the scenario; none may be in a log, an answer or a database. */
const CANARY = 'canary-changeit-7f3a';

describe.each(shapes)('the main job, %s', (shape) => {
  let system: RunningSystem;
  const api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    call(system, method, path, body, headers);
  const importFile = async (content: Uint8Array, fields: Record<string, string> = {}, path = '/v1/imports') => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set('file', new Blob([new Uint8Array(content)]), 'file');
    return await api('POST', path, form);
  };
  const deploy = async (certificateId: string, storeId: string, more: object = {}, action = 'add') => {
    const answer = await api('POST', '/v1/deployments', { certificateId, action, targets: [{ storeId, ...more }] });
    expect(answer.status).toBe(202);
    return await finalJob(system, answer.body['jobs'][0].id as string);
  };
  const addStore = async (name: string, kind: string, config: object, labels?: object) => {
    const answer = await api('POST', '/v1/stores', { name, kind, config, labels });
    expect(answer.status).toBe(201);
    return answer.body['id'] as string;
  };

  beforeAll(async () => {
    system = await startCertferry(shape, { mongodb, nats });
  });
  afterAll(() => system.stop());

  test('a PKCS#12 of each writer goes in, once', async () => {
    const inspected = await importFile(fixture('openssl-default.p12'), { password: 'changeit' }, '/v1/imports/inspect');
    expect(inspected.body['status']).toBe('inspected');
    expect(inspected.body['items'].map((item: { result: string }) => item.result)).toEqual([
      'created',
      'created',
      'created',
    ]);
    expect(inspected.body['items'][0].certificate.subjectAlternativeNames.length).toBe(7);
    expect((await api('GET', '/v1/certificates')).body['items']).toEqual([]);

    const results: unknown[] = [];
    for (const name of ['openssl-legacy.p12', 'openssl-default.p12', 'windows-3des.p12', 'keytool.p12']) {
      const { status, body } = await importFile(fixture(name), {
        password: 'changeit',
        tags: '["web"]',
        metadata: '{"owner":"ops"}',
      });
      expect(status).toBe(200);
      results.push(body['items'].map((item: { result: string }) => item.result).toSorted());
    }
    expect(results).toEqual([
      ['created', 'created', 'created'],
      ['unchanged', 'unchanged', 'unchanged'],
      ['unchanged', 'unchanged', 'unchanged'],
      ['created', 'unchanged', 'unchanged', 'unchanged', 'unchanged'],
    ]);
    const { body } = await api('GET', `/v1/certificates?filter=${encodeURIComponent('CN -eq "web1.example.com"')}`);
    expect(body['items'].length).toBe(1);
    const certificate = (await api('GET', `/v1/certificates/${body['items'][0].id}`)).body;
    expect(certificate).toMatchObject({
      hasPrivateKey: true,
      tags: ['web'],
      metadata: { owner: 'ops' },
      enabled: true,
      chain: [{ subject: 'CN=Acme Issuing,O=Acme' }, { subject: 'CN=Acme Root,O=Acme' }],
    });
  });

  test('an import says what it changed; a key that comes later is added', async () => {
    const { leaf, intermediate, root } = await makeChain('later.example.com');
    const first = await importFile(Buffer.from(leaf.pem + intermediate.pem + root.pem));
    expect(first.body['items'].map((item: { hasPrivateKey: boolean }) => item.hasPrivateKey)).toEqual([
      false,
      false,
      false,
    ]);
    const again = await api('POST', '/v1/imports', { contentBase64: Buffer.from(leaf.keyPem).toString('base64') });
    expect(again.body['items']).toMatchObject([{ result: 'updated', changes: ['key'], hasPrivateKey: true }]);
    const renamed = await importFile(Buffer.from(leaf.pem), { name: 'Later', notes: 'n' });
    expect(renamed.body['items']).toMatchObject([{ result: 'updated', changes: ['name', 'notes'] }]);
    const kept = await api('GET', `/v1/imports/${renamed.body['id']}`);
    expect(kept.body['items']).toEqual(renamed.body['items']);
    const alone = await makeCertificate({ commonName: 'nobody' });
    expect((await importFile(Buffer.from(alone.keyPem))).body['items']).toMatchObject([
      { result: 'failed', reason: 'NO_CERTIFICATE_FOR_KEY' },
    ]);
  });

  test('lists are filtered, sorted and paged; certificates are changed, disabled and deleted', async () => {
    const leaves = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((name) =>
        makeCertificate({
          commonName: `page-${name}.example.com`,
          notAfter: new Date(`2030-01-0${name.charCodeAt(0) - 96}T00:00:00Z`),
        }),
      ),
    );
    await importFile(Buffer.from(leaves.map((leaf) => leaf.pem).join('')));
    const filter = encodeURIComponent('CN -startswith "page-" AND NotAfter -lt "2030-01-05"');
    for (const [sort, expected] of [
      ['name', 'abcd'],
      ['-notAfter', 'dcba'],
      ['commonName', 'abcd'],
      ['createdAt', undefined],
    ] as const) {
      const seen: string[] = [];
      let cursor = '';
      do {
        const { body } = await api('GET', `/v1/certificates?filter=${filter}&sort=${sort}&limit=3&cursor=${cursor}`);
        seen.push(...body['items'].map((item: { commonName: string }) => item.commonName[5]));
        cursor = (body['nextCursor'] as string | undefined) ?? '';
      } while (cursor);
      expect(expected ? seen.join('') : seen.toSorted().join('')).toBe(expected ?? 'abcd');
    }
    expect((await api('GET', '/v1/certificates?q=PAGE-C')).body['items'].length).toBe(1);
    const { id } = (await api('GET', '/v1/certificates?q=page-a')).body['items'][0];
    const changed = await api('PATCH', `/v1/certificates/${id}`, {
      name: 'Renamed',
      tags: ['x', 'x', 'y'],
      metadata: { 'a.b': '$where' },
      enabled: false,
    });
    expect(changed.body).toMatchObject({
      name: 'Renamed',
      tags: ['x', 'y'],
      metadata: { 'a.b': '$where' },
      enabled: false,
    });
    expect(
      (await api('GET', `/v1/certificates?filter=${encodeURIComponent('Tag -eq "y"')}`)).body['items'].length,
    ).toBe(1);
    const storeId = await addStore('disabled', 'pem', { certificatePath: join(system.storesDir, 'disabled.pem') });
    expect(
      await api('POST', '/v1/deployments', { certificateId: id, action: 'add', targets: [{ storeId }] }),
    ).toMatchObject({ status: 409, body: { reason: 'CERTIFICATE_DISABLED' } });
    expect((await api('DELETE', `/v1/certificates/${id}`)).status).toBe(204);
    expect((await api('GET', `/v1/certificates/${id}`)).status).toBe(404);
    expect((await api('DELETE', `/v1/certificates/${id}`)).status).toBe(404);
    expect((await importFile(Buffer.from(leaves[0]!.pem))).body['items'][0].result).toBe('created');
  });

  describe.skipIf(!hasProgram('openssl'))('what comes out is read by openssl', () => {
    test('downloads in every format', async () => {
      const { id } = (await api('GET', '/v1/certificates?q=web1.example.com')).body['items'][0];
      const get = async (format: string) =>
        Buffer.from(
          await (
            await fetch(`${system.url}/v1/certificates/${id}/download?format=${format}`, {
              headers: { 'x-api-key': system.apiKey },
            })
          ).arrayBuffer(),
        );
      const files = Object.fromEntries(
        await Promise.all(
          ['pem', 'chain', 'der', 'p7b'].map(async (format) => {
            const path = join(system.dataDir, `out.${format}`);
            writeFileSync(path, await get(format));
            return [format, path] as const;
          }),
        ),
      );
      const subject = (text: string) => text.match(/subject=.*CN = web1.example.com/g)?.length ?? 0;
      expect(subject(await runProgram('openssl', ['x509', '-in', files['pem']!, '-noout', '-subject']))).toBe(1);
      expect(
        subject(await runProgram('openssl', ['x509', '-in', files['der']!, '-inform', 'DER', '-noout', '-subject'])),
      ).toBe(1);
      expect(
        (await runProgram('openssl', ['pkcs7', '-in', files['p7b']!, '-inform', 'DER', '-print_certs'])).match(
          /BEGIN CERTIFICATE/g,
        )?.length,
      ).toBe(3);
      expect(readFileSync(files['chain']!, 'utf8').match(/BEGIN CERTIFICATE/g)?.length).toBe(3);
      for (const format of ['pem', 'p12']) {
        const response = await fetch(`${system.url}/v1/certificates/${id}/download`, {
          method: 'POST',
          headers: { 'x-api-key': system.apiKey, 'content-type': 'application/json' },
          body: JSON.stringify({ format, password: CANARY }),
        });
        expect(response.headers.get('cache-control')).toBe('no-store');
        writeFileSync(join(system.dataDir, `key.${format}`), Buffer.from(await response.arrayBuffer()));
      }
      expect(readFileSync(join(system.dataDir, 'key.pem'), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
      await runProgram('openssl', [
        'pkey',
        '-in',
        join(system.dataDir, 'key.pem'),
        '-passin',
        `pass:${CANARY}`,
        '-noout',
      ]);
      expect(
        await runProgram('openssl', [
          'pkcs12',
          '-in',
          join(system.dataDir, 'key.p12'),
          '-passin',
          `pass:${CANARY}`,
          '-nodes',
        ]),
      ).toContain('BEGIN PRIVATE KEY');
    });

    test('PEM files that belong together, changed as one', async () => {
      const { id } = (await api('GET', '/v1/certificates?q=web1.example.com')).body['items'][0];
      const [certificatePath, chainPath, fullChainPath, keyPath] = [
        'tls.crt',
        'chain.crt',
        'full.crt',
        'private/tls.key',
      ].map((name) => join(system.storesDir, 'nginx', name)) as [string, string, string, string];
      const config = { certificatePath, chainPath, fullChainPath, keyPath, includeRoot: true };
      const tried = await api('POST', '/v1/stores/test', { name: 'nginx', kind: 'pem', config });
      expect(tried.body).toMatchObject({ ok: true, checks: [{ name: 'path' }, { name: 'read' }, { name: 'write' }] });
      const storeId = await addStore('nginx', 'pem', config, { machine: 'web1' });
      const plan = await api('POST', '/v1/deployments', {
        certificateId: id,
        action: 'add',
        targets: [{ storeId }],
        dryRun: true,
      });
      expect(plan.status).toBe(200);
      expect(plan.body['plan'][0].changes.length).toBe(4);
      expect(existsSync(certificatePath)).toBe(false);
      const job = await deploy(id as string, storeId);
      expect(job).toMatchObject({ status: 'succeeded', attempts: 1 });
      expect(job['timeline'].map((entry: { step: string }) => entry.step)).toEqual([
        'queued',
        'leased',
        'intent',
        'written',
        'verified',
        'done',
      ]);
      const modulus = async (args: string[]) => (await runProgram('openssl', args)).trim();
      expect(await modulus(['x509', '-in', certificatePath, '-noout', '-pubkey'])).toBe(
        await modulus(['pkey', '-in', keyPath, '-pubout']),
      );
      await runProgram('openssl', ['verify', '-CAfile', chainPath, certificatePath]);
      expect(statSync(keyPath).mode & 0o777).toBe(0o600);
      expect((await api('GET', `/v1/stores/${storeId}/entries`)).body['items']).toMatchObject([
        { subject: expect.stringContaining('CN=web1.example.com') as string, hasPrivateKey: true, chainLength: 2 },
      ]);
      const locations = (await api('GET', `/v1/certificates/${id}/locations`)).body['items'];
      expect(locations.filter((one: { storeId: string }) => one.storeId === storeId)).toEqual([
        {
          storeId,
          storeName: 'nginx',
          storeKind: 'pem',
          alias: '',
          certificateId: id,
          hasPrivateKey: true,
          jobId: job['id'],
          deployedAt: job['updatedAt'],
          verifiedAt: expect.stringMatching(/Z$/),
        },
      ]);
      expect((await deploy(id as string, storeId))['changes']).toEqual([]);
      expect(await deploy(id as string, storeId, {}, 'remove')).toMatchObject({ status: 'succeeded' });
      expect(readdirSync(join(system.storesDir, 'nginx'))).toEqual(['private']);
    });

    test.skipIf(!hasProgram('keytool'))(
      'a PKCS#12 keystore, read by openssl and keytool; foreign entries stay',
      async () => {
        const path = join(system.storesDir, 'keystore.p12');
        await runProgram('keytool', [
          '-genkeypair',
          '-alias',
          'foreign',
          '-keyalg',
          'EC',
          '-dname',
          'CN=foreign',
          '-keystore',
          path,
          '-storepass',
          CANARY,
        ]);
        const foreign = async () =>
          (await runProgram('keytool', ['-list', '-alias', 'foreign', '-keystore', path, '-storepass', CANARY])).match(
            /fingerprint.*/,
          )?.[0];
        const before = await foreign();
        expect(before).toBeTruthy();
        const storeId = await addStore('java', 'pkcs12', { path, password: CANARY });
        expect(JSON.stringify((await api('GET', `/v1/stores/${storeId}`)).body)).not.toContain(CANARY);
        const { id } = (await api('GET', '/v1/certificates?q=web1.example.com')).body['items'][0];
        expect(await deploy(id as string, storeId, { alias: 'tomcat' })).toMatchObject({ status: 'succeeded' });
        const listed = await runProgram('keytool', [
          '-list',
          '-v',
          '-alias',
          'tomcat',
          '-keystore',
          path,
          '-storepass',
          CANARY,
        ]);
        expect(listed).toContain('PrivateKeyEntry');
        expect(listed).toContain('Certificate chain length: 3');
        expect(await runProgram('openssl', ['pkcs12', '-in', path, '-passin', `pass:${CANARY}`, '-nodes'])).toContain(
          'friendlyName: tomcat',
        );
        expect(await foreign()).toBe(before);
        expect(
          (await api('GET', `/v1/stores/${storeId}/entries`)).body['items']
            .map((entry: { alias: string }) => entry.alias)
            .toSorted(),
        ).toEqual(['foreign', 'tomcat']);

        const other = (await api('GET', '/v1/certificates?q=later.example.com')).body['items'].find(
          (one: { hasPrivateKey: boolean }) => one.hasPrivateKey,
        );
        expect(await deploy(other.id as string, storeId, { alias: 'tomcat' })).toMatchObject({
          status: 'failed',
          error: { reason: 'ALIAS_EXISTS', retryable: false },
        });
        const overwrite = { alias: 'tomcat', overwrite: true };
        expect(await deploy(other.id as string, storeId, overwrite)).toMatchObject({
          status: 'failed',
          error: { reason: 'REFUSED_BY_POLICY', retryable: false },
          findings: [{ rule: 'names', severity: 'refuse' }],
        });
        expect(await deploy(other.id as string, storeId, { ...overwrite, force: true })).toMatchObject({
          status: 'succeeded',
          forced: true,
        });
        expect(await deploy(other.id as string, storeId, { alias: 'tomcat' }, 'remove')).toMatchObject({
          status: 'succeeded',
        });
        expect(await foreign()).toBe(before);
      },
    );
  });

  test('a job that waits can be cancelled, a cancelled one retried, and a time is kept', async () => {
    const { id } = (await api('GET', '/v1/certificates?q=web1.example.com')).body['items'][0];
    const later = await api('POST', '/v1/deployments', {
      certificateId: id,
      action: 'add',
      targets: [
        { storeId: await addStore('scheduled', 'pem', { fullChainPath: join(system.storesDir, 'scheduled.pem') }) },
      ],
      schedule: { at: new Date(Date.now() + 6_000).toISOString() },
    });
    const jobId = later.body['jobs'][0].id as string;
    expect((await api('GET', `/v1/jobs/${jobId}`)).body).toMatchObject({ status: 'scheduled', attempts: 0 });
    expect((await api('POST', `/v1/jobs/${jobId}/cancel`)).body['status']).toBe('cancelled');
    expect((await api('POST', `/v1/jobs/${jobId}/cancel`)).status).toBe(409);
    // Before its time it waits for that.
    expect((await api('POST', `/v1/jobs/${jobId}/retry`)).body['status']).toBe('scheduled');
    expect(await finalJob(system, jobId)).toMatchObject({ status: 'succeeded' });
    const soon = await api('POST', '/v1/deployments', {
      certificateId: id,
      action: 'remove',
      targets: [{ storeId: (await api('GET', `/v1/jobs/${jobId}`)).body['storeId'] }],
      schedule: { at: new Date(Date.now() + 1_500).toISOString() },
    });
    expect(await finalJob(system, soon.body['jobs'][0].id as string)).toMatchObject({ status: 'succeeded' });
    const list = await api('GET', `/v1/jobs?certificateId=${id}&status=succeeded&limit=2`);
    expect(list.body['items'].length).toBe(2);
    expect(list.body['nextCursor']).toBeTruthy();
  });

  test('events of a job come in order, once, and a listener goes on where it was', async () => {
    const controller = new AbortController();
    const listen = async (headers: Record<string, string>) =>
      await fetch(`${system.url}/v1/events?types=certferry.deployment.job`, {
        headers: { 'x-api-key': system.apiKey, ...headers },
        signal: controller.signal,
      });
    const read = async (
      response: Response,
      until: (events: { id: string; type: string; subject: string; data: { sequence: number } }[]) => boolean,
    ) => {
      const events: { id: string; type: string; subject: string; data: { sequence: number } }[] = [];
      let text = '';
      for await (const chunk of response.body!) {
        text += Buffer.from(chunk as Uint8Array).toString();
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) {
          const data = block.split('\n').find((line) => line.startsWith('data: '));
          if (data) events.push(JSON.parse(data.slice(6)));
        }
        if (until(events)) return events;
      }
      return events;
    };
    const stream = await listen({});
    const { id } = (await api('GET', '/v1/certificates?q=web1.example.com')).body['items'][0];
    const storeId = await addStore('events', 'pem', { fullChainPath: join(system.storesDir, 'events.pem') });
    const job = await deploy(id as string, storeId);
    const events = await read(stream, (list) =>
      list.some((event) => event.subject === job['id'] && event.type.endsWith('.succeeded')),
    );
    const own = events.filter((event) => event.subject === job['id']);
    expect(own.map((event) => [event.type, event.data.sequence])).toEqual([
      ['certferry.deployment.job.queued', 1],
      ['certferry.deployment.job.running', 2],
      ['certferry.deployment.job.succeeded', 3],
    ]);
    const resumed = await read(
      await listen({ 'last-event-id': own[0]!.id }),
      (list) => list.filter((event) => event.subject === job['id']).length === 2,
    );
    expect(resumed.filter((event) => event.subject === job['id']).map((event) => event.id)).toEqual(
      own.slice(1).map((event) => event.id),
    );
    controller.abort();
  });

  test('a call with an Idempotency-Key is made once', async () => {
    const { id } = (await api('GET', '/v1/certificates?q=web1.example.com')).body['items'][0];
    const storeId = await addStore('idempotent', 'pem', { fullChainPath: join(system.storesDir, 'idempotent.pem') });
    const body = { certificateId: id, action: 'add', targets: [{ storeId }] };
    const first = await api('POST', '/v1/deployments', body, { 'idempotency-key': 'k1' });
    const second = await api('POST', '/v1/deployments', body, { 'idempotency-key': 'k1' });
    expect(second).toMatchObject({ status: 202, body: first.body });
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(
      await api('POST', '/v1/deployments', { ...body, action: 'remove' }, { 'idempotency-key': 'k1' }),
    ).toMatchObject({ status: 422, body: { reason: 'IDEMPOTENCY_KEY_REUSED' } });
    await finalJob(system, first.body['jobs'][0].id as string);
    expect((await api('GET', `/v1/jobs?storeId=${storeId}`)).body['items'].length).toBe(1);
  });

  test('bad input gets a clear error with the right status, and nothing is kept', async () => {
    const count = async () => (await api('GET', '/v1/certificates?limit=500')).body['items'].length as number;
    const before = await count();
    const refused = async (
      answer: Promise<{ status: number; headers: Headers; body: Record<string, any> }>,
      status: number,
      reason: string,
    ) => {
      const { body, headers, ...rest } = await answer;
      expect({ status: rest.status, reason: body['reason'] }).toEqual({ status, reason });
      expect(headers.get('content-type')).toContain('application/problem+json');
      expect(body).toMatchObject({
        status,
        title: expect.any(String) as string,
        detail: expect.stringMatching(/\S/) as string,
        requestId: headers.get('x-request-id'),
      });
    };
    await refused(
      importFile(fixture('openssl-default.p12').subarray(0, 1000), { password: 'changeit' }),
      400,
      'TRUNCATED',
    );
    await refused(importFile(fixture('openssl-default.p12'), { password: CANARY }), 400, 'WRONG_PASSWORD');
    await refused(importFile(fixture('openssl-default.p12')), 400, 'PASSWORD_REQUIRED');
    await refused(importFile(Buffer.from('this is a text')), 400, 'UNKNOWN_FORMAT');
    await refused(importFile(Buffer.alloc(0)), 400, 'EMPTY');
    await refused(importFile(Buffer.alloc(10 * 1024 * 1024 + 1)), 413, 'LIMIT_EXCEEDED');
    await refused(importFile(fixture('leaf.pem'), { metadata: '{' }), 400, 'INVALID_FIELD');
    await refused(importFile(fixture('leaf.pem'), { colour: 'x' }), 400, 'INVALID_FIELD');
    await refused(api('POST', '/v1/imports', new FormData()), 400, 'INVALID_FIELD');
    await refused(api('POST', '/v1/imports', { contentBase64: '!!!' }), 400, 'INVALID_FIELD');
    await refused(api('POST', '/v1/imports', {}), 400, 'INVALID_FIELD');
    await refused(api('POST', '/v1/imports'), 415, 'UNSUPPORTED_MEDIA_TYPE');
    await refused(api('GET', '/v1/certificates/nobody'), 404, 'CERTIFICATE_NOT_FOUND');
    await refused(api('GET', '/v1/jobs/nobody'), 404, 'JOB_NOT_FOUND');
    await refused(api('GET', '/v1/stores/nobody'), 404, 'STORE_NOT_FOUND');
    await refused(api('GET', '/v1/imports/nobody'), 404, 'IMPORT_NOT_FOUND');
    await refused(api('GET', '/v1/nothing'), 404, 'NO_SUCH_ROUTE');
    await refused(api('GET', '/v1/certificates?filter=x'), 400, 'INVALID_FILTER');
    await refused(api('GET', '/v1/certificates?sort=colour'), 400, 'INVALID_SORT');
    await refused(api('GET', '/v1/certificates?cursor=x'), 400, 'INVALID_CURSOR');
    await refused(api('GET', '/v1/certificates?limit=501'), 400, 'INVALID_FIELD');
    await refused(api('POST', '/v1/stores', { name: 'x', kind: 'ftp', config: {} }), 400, 'UNKNOWN_STORE_KIND');
    await refused(
      api('POST', '/v1/stores', { name: 'x', kind: 'pem', config: { keyPath: '/k' } }),
      400,
      'INVALID_STORE_CONFIG',
    );
    await refused(
      api('POST', '/v1/stores', { name: 'x', kind: 'pem', config: { certificatePath: '/etc/ssl/x.pem' } }),
      400,
      'PATH_NOT_ALLOWED',
    );
    await refused(
      api('POST', '/v1/stores', {
        name: 'nginx',
        kind: 'pem',
        config: { certificatePath: join(system.storesDir, 'n.pem') },
      }),
      409,
      'STORE_NAME_TAKEN',
    );
    await refused(api('POST', '/v1/deployments', { action: 'add' }), 400, 'INVALID_FIELD');
    await refused(
      api('POST', '/v1/deployments', { action: 'add', targets: [{ storeId: 'nobody' }] }),
      400,
      'INVALID_FIELD',
    );
    await refused(
      api('POST', '/v1/deployments', { certificateId: 'nobody', action: 'add', targets: [{ storeId: 'nobody' }] }),
      404,
      'CERTIFICATE_NOT_FOUND',
    );
    await refused(api('POST', '/v1/stores', '{"__proto__": 1'), 400, 'INVALID_FIELD');
    const raw = await fetch(`${system.url}/v1/stores`, {
      method: 'POST',
      headers: { 'x-api-key': system.apiKey, 'content-type': 'application/json' },
      body: '{"a":',
    });
    expect(raw.status).toBe(400);
    await refused(call({ ...system, apiKey: 'wrong' }, 'GET', '/v1/certificates'), 401, 'API_KEY_REQUIRED');
    expect(await count()).toBe(before);
  });

  test('files are imported from below CERTFERRY_FILES_ROOT only, with one answer for outside and missing', async () => {
    const leaf = await makeCertificate({ commonName: 'from-file.example.com' });
    writeFileSync(join(system.filesDir, 'a.pem'), leaf.pem);
    symlinkSync('/etc/hostname', join(system.filesDir, 'link'));
    expect((await api('POST', '/v1/imports', { filePath: 'a.pem' })).body['items'][0].result).toBe('created');
    for (const filePath of ['missing.pem', '../admin-api-key', '/etc/hostname', 'link', 'a\0.pem', '.']) {
      expect(await api('POST', '/v1/imports', { filePath })).toMatchObject({
        status: 404,
        body: { reason: 'FILE_NOT_FOUND', detail: 'There is no such file below CERTFERRY_FILES_ROOT.' },
      });
    }
  });

  test('API keys have scopes, an end, and can be revoked; every change is in a chain that verifies', async () => {
    const made = await api('POST', '/v1/api-keys', { name: 'reader', scopes: ['read'] });
    const reader = { ...system, apiKey: made.body['key'] as string };
    expect((await call(reader, 'GET', '/v1/certificates')).status).toBe(200);
    expect(await call(reader, 'POST', '/v1/stores', { name: 'x', kind: 'pem', config: {} })).toMatchObject({
      status: 403,
      body: { reason: 'SCOPE_REQUIRED' },
    });
    expect((await api('GET', '/v1/api-keys')).body['items'].map((key: { name: string }) => key.name)).toEqual([
      'Administrator',
      'reader',
    ]);
    expect(JSON.stringify((await api('GET', '/v1/api-keys')).body)).not.toContain(reader.apiKey);
    expect((await api('DELETE', `/v1/api-keys/${made.body['id']}`)).status).toBe(204);
    expect((await call(reader, 'GET', '/v1/certificates')).status).toBe(401);
    const verified = await api('POST', '/v1/audit/verify');
    expect(verified.body).toMatchObject({ ok: true });
    expect(verified.body['records']).toBeGreaterThan(20);
    expect((await api('GET', '/v1/audit?limit=1')).body['items'][0]).toMatchObject({
      caller: 'admin',
      action: 'DELETE /v1/api-keys/:id',
      target: made.body['id'],
    });
  });

  test('wrong keys from one address are limited; a right key is never refused with them', async () => {
    const wrong = { ...system, apiKey: 'wrong' };
    const answers = await Promise.all(Array.from({ length: 70 }, () => call(wrong, 'GET', '/v1/certificates')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
    expect((await api('GET', '/v1/certificates')).status).toBe(200);
  });

  test('https is served with a certificate of its own CA; health, metrics and the API’s description are there', async () => {
    const ca = new X509Certificate(readFileSync(join(system.dataDir, 'tls', 'ca.crt')));
    expect(ca.ca).toBe(true);
    if (hasProgram('curl')) {
      const text = await runProgram('curl', [
        '-sS',
        '--cacert',
        join(system.dataDir, 'tls', 'ca.crt'),
        `${system.httpsUrl}/readyz`,
      ]);
      expect(JSON.parse(text)).toEqual({ status: 'ready' });
    }
    const text = async (path: string) => await (await fetch(system.url + path)).text();
    expect(await text('/metrics')).toContain('certferry_http_request_duration_seconds_bucket');
    const openapi = JSON.parse(await text('/openapi.json')) as { openapi: string; paths: Record<string, object> };
    expect(openapi.openapi).toBe('3.1.0');
    for (const path of [
      '/v1/imports',
      '/v1/certificates/{id}/download',
      '/v1/store-kinds',
      '/v1/stores/{id}/entries',
      '/v1/deployments',
      '/v1/jobs/{id}/retry',
      '/v1/events',
    ])
      expect(Object.keys(openapi.paths)).toContain(path);
    expect(await text('/docs/')).toContain('swagger-ui');
  });

  test('no secret is in a log or in the embedded database', async () => {
    const secrets = [CANARY, system.apiKey, readFileSync(join(system.dataDir, 'kek'), 'utf8').trim()];
    for (const secret of secrets) expect(system.output().includes(secret)).toBe(false);
    if (shape === 'standalone') {
      const database = join(system.dataDir, 'database');
      const bytes = Buffer.concat(readdirSync(database).map((name) => readFileSync(join(database, name))));
      for (const secret of secrets) expect(bytes.includes(secret)).toBe(false);
      expect(bytes.includes('PRIVATE KEY')).toBe(false);
    }
  });

  test('SIGTERM drains, and a restart has everything', async () => {
    const before = (await api('GET', '/v1/certificates?limit=500')).body['items'].length as number;
    await system.stop();
    for (const { child } of system.processes) expect(child.exitCode).toBe(0);
    chmodSync(system.storesDir, 0o755);
    await system.restart();
    expect((await api('GET', '/v1/certificates?limit=500')).body['items'].length).toBe(before);
  });
});
