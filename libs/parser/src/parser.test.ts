import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parserV1 } from '@certferry/contracts';
import { createInProcessClient, serve } from '@certferry/rpc';
import { makeCertificate, makeChain, temporaryFolder } from '@certferry/testing';
import { MAX_PEM_BLOCKS } from '@certferry/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHandlers } from './handlers.ts';
import { MAX_CONTAINER_BYTES } from './open-container.ts';
import { Sandbox } from './sandbox/sandbox.ts';

const fixture = (name: string) => readFileSync(new URL(`../../x509/fixtures/${name}`, import.meta.url));
const definition = parserV1.ParserServiceDefinition;

describe('parser', () => {
  const sandbox = new Sandbox(2);
  const client = createInProcessClient(definition, serve(definition, createHandlers(sandbox)).implementation, {
    callEnded: () => undefined,
  });
  afterAll(() => sandbox.close());
  const failure = (content: Uint8Array, password?: string) =>
    client.inspect({ content, password }).then(
      () => undefined,
      (error: unknown) => error,
    );

  test('a PEM with certificates and keys in any order pairs them by public key', async () => {
    const { root, intermediate, leaf } = await makeChain('web1.example.com');
    const other = await makeCertificate({ commonName: 'other' });
    const content = Buffer.from([other.keyPem, root.pem, leaf.keyPem, intermediate.pem, other.pem, leaf.pem].join(''));
    const answer = await client.inspect({ content });
    expect(answer.certificates.map((one) => [one.index, one.facts!.commonName, one.key])).toEqual([
      [1, 'Root of web1.example.com', undefined],
      [3, 'Issuer of web1.example.com', undefined],
      [4, 'other', 0],
      [5, 'web1.example.com', 1],
    ]);
    expect(answer.keys.map((key) => [key.index, key.algorithm, key.size])).toEqual([
      [0, 'EC', 256],
      [2, 'EC', 256],
    ]);
    expect(JSON.stringify(answer)).not.toContain(leaf.keyDer.toString('base64').slice(10, 60));
  });

  test.each([
    'leaf.key',
    'leaf.pkcs1.key',
    'ec.sec1.key',
    'leaf.encrypted.key',
    'leaf.encrypted-3des.key',
    'leaf.legacy-encrypted.key',
  ])('PEM key %s', async (name) => {
    const answer = await client.open({ content: fixture(name), password: 'changeit' });
    expect(answer.privateKeys.length).toBe(1);
    expect(answer.inspection!.keys[0]!.size).toBeGreaterThan(0);
  });

  test.each(['openssl-default.p12', 'openssl-legacy.p12', 'windows-3des.p12', 'keytool.p12'])(
    'PKCS#12 %s',
    async (name) => {
      const answer = await client.open({ content: fixture(name), password: 'changeit' });
      expect(answer.inspection!.format).toBe('CONTAINER_FORMAT_PKCS12');
      const leaf = answer.inspection!.certificates.find((one) => one.facts!.commonName === 'web1.example.com')!;
      expect(leaf.alias).toBe('web1');
      expect(answer.inspection!.keys[leaf.key!]!.publicKeySha256).toBe(leaf.facts!.publicKeySha256);
      expect(await failure(fixture(name), 'wrong')).toMatchObject({
        code: 'INVALID_ARGUMENT',
        reason: 'WRONG_PASSWORD',
      });
      expect(await failure(fixture(name))).toMatchObject({ reason: 'PASSWORD_REQUIRED' });
    },
  );

  test('DER: a certificate and every form of key', async () => {
    const { leaf } = await makeChain('der');
    expect((await client.inspect({ content: leaf.der })).certificates[0]!.facts!.commonName).toBe('der');
    expect((await client.inspect({ content: leaf.keyDer })).keys.length).toBe(1);
  });

  test('one key under two aliases: either can go, the other stays whole', async () => {
    const { intermediate, leaf } = await makeChain('twice');
    const put = async (content: Uint8Array, alias: string) => {
      const value = { alias, certificates: [leaf.der, intermediate.der], privateKey: leaf.keyDer };
      return (await client.editKeystore({ content, password: 'changeit', edit: { $case: 'put', value } })).content;
    };
    const both = await put(await put(new Uint8Array(), 'first'), 'second');
    for (const [gone, stays] of [
      ['first', 'second'],
      ['second', 'first'],
    ] as const) {
      const edit = { $case: 'remove' as const, value: { alias: gone } };
      const { content } = await client.editKeystore({ content: both, password: 'changeit', edit });
      const path = join(temporaryFolder('twice'), 'store.p12');
      writeFileSync(path, content);
      const listed = execFileSync('keytool', ['-list', '-keystore', path, '-storepass', 'changeit'], { stdio: 'pipe' });
      expect(listed.toString()).toContain(`${stays}, `);
      expect(listed.toString()).toContain('1 entry');
      const { certificates } = await client.inspect({ content, password: 'changeit' });
      expect(certificates.map((one) => one.alias).toSorted()).toEqual(['', stays]);
    }
  });

  test('PKCS#7, DER and PEM, as openssl writes it', async () => {
    const { root, intermediate, leaf } = await makeChain('p7');
    const path = join(temporaryFolder('p7'), 'chain.pem');
    writeFileSync(path, leaf.pem + intermediate.pem + root.pem);
    for (const form of ['DER', 'PEM']) {
      const args = ['crl2pkcs7', '-nocrl', '-certfile', path, '-outform', form];
      const content = execFileSync('openssl', args);
      const { certificates, failures } = await client.inspect({ content });
      expect(failures).toEqual([]);
      expect(certificates.map((one) => one.facts!.commonName)).toEqual(['p7', 'Issuer of p7', 'Root of p7']);
    }
  });

  test('bad containers say what, where and which limit', async () => {
    expect(await failure(Buffer.alloc(0))).toMatchObject({ reason: 'EMPTY' });
    expect(await failure(Buffer.from('hello'))).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'UNKNOWN_FORMAT' });
    expect(await failure(fixture('openssl-default.p12').subarray(0, 900), 'changeit')).toMatchObject({
      reason: 'TRUNCATED',
      details: { offset: '900' },
    });
    expect(await failure(fixture('leaf.pem').subarray(0, 700))).toMatchObject({
      reason: 'MALFORMED',
      message: expect.stringContaining('no matching END line') as string,
    });
    expect(await failure(Buffer.alloc(MAX_CONTAINER_BYTES + 1))).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      details: { limit: 'container bytes', value: '10485760' },
    });
    expect(await failure(Buffer.alloc(MAX_CONTAINER_BYTES))).toMatchObject({ reason: 'UNKNOWN_FORMAT' });
  });

  test('what has no certificate and no key cannot be imported: the refusal says what was found', async () => {
    const folder = temporaryFolder('nothing');
    const key = new URL('../../x509/fixtures/ec.key', import.meta.url).pathname;
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });
    for (const name of ['index.txt', 'crlnumber']) writeFileSync(join(folder, name), name === 'crlnumber' ? '01' : '');
    writeFileSync(
      join(folder, 'ca.cnf'),
      '[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=1',
    );
    openssl('req', '-x509', '-new', '-key', key, '-subj', '/CN=Revoker', '-out', 'ca.pem');
    const crl = openssl('ca', '-config', 'ca.cnf', '-gencrl', '-keyfile', key, '-cert', 'ca.pem');
    const secret = [
      '-alias',
      'aes',
      '-keyalg',
      'AES',
      '-keysize',
      '128',
      '-storepass',
      'changeit',
      '-storetype',
      'JCEKS',
    ];
    execFileSync('keytool', ['-genseckey', '-keystore', join(folder, 'secret.jceks'), ...secret], { stdio: 'pipe' });
    const request = ['req', '-new', '-key', key, '-subj', '/CN=wanted'];
    const cases: [Buffer, RegExp][] = [
      [
        openssl('pkey', '-in', key, '-pubout'),
        /A PUBLIC KEY block was passed over: send the private key or the certificate\./,
      ],
      [openssl(...request), /A certificate request for "CN=wanted" .*: import the certificate that its CA makes\./],
      [openssl(...request, '-outform', 'DER'), /A certificate request for "CN=wanted"/],
      [crl, /A certificate revocation list of "CN=Revoker" was passed over/],
      [readFileSync(join(folder, 'secret.jceks')), /The secret key "aes" was passed over/],
      [openssl('crl2pkcs7', '-nocrl'), /nothing to import\. The PKCS#7 is signed data without certificates\./],
      [Buffer.from(openssl('pkey', '-in', key, '-pubout').toString().repeat(7)), /There are 2 more like these\.$/],
    ];
    for (const [content, found] of cases) {
      const message = expect.stringMatching(found) as string;
      const refused = { code: 'INVALID_ARGUMENT', reason: 'NOTHING_TO_IMPORT', message };
      await expect(client.open({ content, password: 'changeit' })).rejects.toMatchObject(refused);
      expect((await client.inspect({ content, password: 'changeit' })).certificates).toEqual([]);
    }
  });

  test('a wrong password that ends with a line break gets a hint, and only that', async () => {
    const wrong = /^The password does not open the [^.]*\./.source;
    for (const name of ['openssl-default.p12', 'leaf.encrypted.key', 'leaf.legacy-encrypted.key']) {
      for (const end of ['\n', '\r\n', '\r']) {
        const error = (await failure(fixture(name), `changeit${end}`)) as Error;
        expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'WRONG_PASSWORD' });
        expect(error.message).toMatch(
          new RegExp(`${wrong} The password that was sent ends with a line break: .*without`),
        );
        expect(error.message).not.toContain('changeit');
      }
      expect(((await failure(fixture(name), 'wrong')) as Error).message).toMatch(new RegExp(`${wrong}$`));
    }
  });

  test('a bad certificate beside a good one fails alone', async () => {
    const bad = '-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n';
    const answer = await client.inspect({ content: Buffer.from(bad + fixture('leaf.pem').toString()) });
    expect(answer.failures).toMatchObject([{ index: 0, what: 'CERTIFICATE', reason: 'MALFORMED' }]);
    expect(answer.certificates.length).toBe(1);
  });

  test('alternative names are kept up to 10,000, and the rest is counted and said', async () => {
    const inspect = async (count: number) => {
      const names = Array.from({ length: count }, () => 'a');
      return await client.inspect({ content: (await makeCertificate({ commonName: 'many', names })).der });
    };
    const at = await inspect(10_000);
    expect(at.certificates[0]!.facts).toMatchObject({ droppedNames: 0 });
    expect(at.notices).toEqual([]);
    const above = await inspect(10_001);
    expect(above.certificates[0]!.facts!.subjectAlternativeNames.length).toBe(10_000);
    expect(above.notices).toEqual([
      'Certificate 0 has 1 alternative names above the limit of 10000; they are not kept.',
    ]);
  });

  test('a keystore is made, changed and emptied', async () => {
    const { intermediate, leaf } = await makeChain('store');
    const put = { alias: 'web', certificates: [leaf.der, intermediate.der], privateKey: leaf.keyDer };
    const made = await client.editKeystore({ password: 'p', edit: { $case: 'put', value: put } });
    const trusted = await client.editKeystore({
      content: made.content,
      password: 'p',
      edit: { $case: 'put', value: { alias: 'ca', certificates: [intermediate.der] } },
    });
    expect(
      (await client.inspect({ content: trusted.content, password: 'p' })).certificates
        .map((one) => one.alias)
        .toSorted(),
    ).toEqual(['', 'ca', 'web']);
    const removed = await client.editKeystore({
      content: trusted.content,
      password: 'p',
      edit: { $case: 'remove', value: { alias: 'WEB' } },
    });
    expect(
      (await client.inspect({ content: removed.content, password: 'p' })).certificates.map((one) => one.alias),
    ).toEqual(['ca']);
    await expect(
      client.editKeystore({ content: made.content, password: 'q', edit: { $case: 'remove', value: { alias: 'x' } } }),
    ).rejects.toMatchObject({ reason: 'WRONG_PASSWORD' });
  });
});

describe('the sandbox', () => {
  // 2,500,000 MAC iterations instead of 2,048: below the limit of 5,000,000, but seconds of work.
  const slow = () => {
    const file = fixture('openssl-default.p12');
    const at = file.length - 4;
    expect(file.subarray(at).toString('hex')).toBe('02020800');
    const longer = Buffer.concat([file.subarray(0, at), Buffer.from('02032625a0', 'hex')]);
    longer.writeUInt16BE(longer.readUInt16BE(2) + 1, 2);
    const macData = longer.lastIndexOf(Buffer.from('3041', 'hex'), at);
    longer[macData + 1] = 0x42;
    return longer;
  };

  let sandbox: Sandbox;
  beforeAll(() => void (sandbox = new Sandbox(1, { cpuSeconds: 0.2, wallSeconds: 15, residentMegabytes: 256 })));
  afterAll(() => sandbox.close());

  test('kills a child that uses too much CPU, and goes on with a new one', async () => {
    await expect(sandbox.run('open', { content: slow(), password: 'changeit' })).rejects.toMatchObject({
      reason: 'LIMIT_EXCEEDED',
      details: { limit: 'CPU seconds' },
    });
    const after = await sandbox.run('open', { content: fixture('openssl-default.p12'), password: 'changeit' });
    expect(parserV1.OpenResponse.decode(after).inspection!.certificates.length).toBe(3);
  });

  test('kills a child that takes too long, or too much memory', async () => {
    const short = new Sandbox(1, { ...sandbox.limits, wallSeconds: 0 });
    const small = new Sandbox(1, { ...sandbox.limits, cpuSeconds: 60, residentMegabytes: 10 });
    await expect(short.run('open', { content: slow(), password: 'changeit' })).rejects.toMatchObject({
      details: { limit: 'seconds' },
    });
    await expect(small.run('open', { content: slow(), password: 'changeit' })).rejects.toMatchObject({
      details: { limit: 'MiB of memory' },
    });
    short.close();
    small.close();
  });

  test('what one large container leaves behind is not counted against the next', async () => {
    const { der } = await makeCertificate({ commonName: 'large' });
    const blocks: string[] = [];
    for (let length = 0, i = 0; ; i++) {
      const one = Buffer.from(der);
      one.writeUInt32BE(i, one.length - 4);
      const block = `-----BEGIN CERTIFICATE-----\n${one.toString('base64')}\n-----END CERTIFICATE-----\n`;
      length += block.length;
      if (length > MAX_CONTAINER_BYTES || i === MAX_PEM_BLOCKS) break;
      blocks.push(block);
    }
    const single = new Sandbox(1);
    const content = Buffer.from(blocks.join(''));
    for (let i = 0; i < 6; i++) {
      const answer = parserV1.OpenResponse.decode(await single.run('open', { content }));
      expect(answer.inspection!.certificates.length).toBe(blocks.length);
    }
    single.close();
  });

  test('a thousand tasks wait; one more is refused, and told to come again', async () => {
    const busy = new Sandbox(1);
    const task = { content: fixture('leaf.pem'), password: undefined };
    const waiting = Array.from({ length: 1_000 }, () => busy.run('open', task));
    await expect(busy.run('open', task)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'PARSER_BUSY',
      message: expect.stringContaining('send this one again later'),
    });
    expect((await Promise.all(waiting)).length).toBe(1_000);
    busy.close();
  });

  test('what waits when it closes is refused', async () => {
    const closing = new Sandbox(1);
    const waiting = closing.run('open', { content: fixture('leaf.pem'), password: undefined });
    closing.close();
    await expect(waiting).rejects.toMatchObject({ reason: 'PARSER_STOPPED' });
  });
});
