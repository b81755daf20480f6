import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { parserV1 } from '@certferry/contracts';
import { hasProgram, makeCertificate, temporaryFolder, zip } from '@certferry/testing';
import { derNull, integer, octetString, oid, sequence } from '@certferry/x509/der-writer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox } from '../sandbox/sandbox.ts';
import { parseArchive } from './parse-archive.ts';

const fixture = (name: string) => readFileSync(new URL(`../../../x509/fixtures/${name}`, import.meta.url));

async function* requestsOf(
  archive: Buffer,
  options: Partial<parserV1.ArchiveOptions> = {},
): AsyncGenerator<parserV1.ParseArchiveRequest> {
  yield { part: { $case: 'options', value: { summaryOnly: false, skipItems: 0, passwords: [], ...options } } };
  for (let at = 0; at < archive.length; at += 100_000)
    yield { part: { $case: 'chunk', value: await Promise.resolve(archive.subarray(at, at + 100_000)) } };
}

let sandbox: Sandbox;
beforeAll(() => void (sandbox = new Sandbox(2, { cpuSeconds: 1, wallSeconds: 15, residentMegabytes: 256 })));
afterAll(() => sandbox.close());

async function itemsOf(archive: Buffer, options?: Partial<parserV1.ArchiveOptions>): Promise<parserV1.ArchiveItem[]> {
  const items: parserV1.ArchiveItem[] = [];
  for await (const { part } of parseArchive(requestsOf(archive, options), sandbox))
    if (part?.$case === 'batch') items.push(...part.value.items);
  return items;
}

/** A key behind 4,900,000 iterations of SHA-512: below the limit, and more CPU than this sandbox gives. */
function poison(): Buffer {
  const salt = octetString(Buffer.alloc(8));
  const prf = sequence(oid('1.2.840.113549.2.11'), derNull());
  const kdf = sequence(oid('1.2.840.113549.1.5.12'), sequence(salt, integer(4_900_000), prf));
  const cipher = sequence(oid('2.16.840.1.101.3.4.1.42'), octetString(Buffer.alloc(16)));
  return sequence(sequence(oid('1.2.840.113549.1.5.13'), sequence(kdf, cipher)), octetString(Buffer.alloc(32)));
}

describe('an archive of every kind of file', () => {
  test('its items come in its order, whoever read them; a poisonous one fails alone', async () => {
    const { pem } = await makeCertificate({ commonName: 'plain' });
    const large = `${'-'.repeat(70_000)}\n${pem}`;
    const archive = zip([
      ['a.pem', pem],
      ['b.p12', fixture('openssl-default.p12')],
      ['poison.key', poison()],
      ['c.txt', 'nothing of this is a certificate'],
      ['d.pem', large],
      ['e.pem', pem],
    ]);
    const items = await itemsOf(archive, { password: 'changeit' });
    expect(items.map(({ index, name, failure }) => [index, name, failure?.reason])).toEqual([
      [0, 'a.pem', undefined],
      [1, 'b.p12', undefined],
      [2, 'poison.key', 'LIMIT_EXCEEDED'],
      [3, 'c.txt', undefined],
      [4, 'd.pem', undefined],
      [5, 'e.pem', undefined],
    ]);
    expect(items[3]!.passedOver).toMatch(/^This is not a certificate/);
    expect(items[1]!.privateKeys.length).toBe(1);
    expect(items[2]!.failure!.message).toMatch(/took more than 1 CPU seconds, the limit/);
    expect(items.map(({ inspection }) => inspection?.certificates.length)).toEqual([1, 3, undefined, undefined, 1, 1]);
  });

  test('over many blocks nothing is lost, doubled or out of order, from wherever it goes on', async () => {
    const { der } = await makeCertificate({ commonName: 'many' });
    const archive = zip(
      Array.from({ length: 1_001 }, (_, i) => {
        const one = Buffer.from(der);
        one.writeUInt32BE(i, one.length - 4);
        return [`${i}.cer`, one];
      }),
    );
    const all = await itemsOf(archive);
    expect(all.map(({ index }) => index)).toEqual(Array.from({ length: 1_001 }, (_, i) => i));
    expect(new Set(all.map(({ inspection }) => inspection!.certificates[0]!.facts!.thumbprint)).size).toBe(1_001);
    expect((await itemsOf(archive, { skipItems: 399 })).map(({ index }) => index)).toEqual(
      Array.from({ length: 602 }, (_, i) => 399 + i),
    );
  });
});

test('a file that is far larger packed than it says it is unpacked is not read', async () => {
  const { pem } = await makeCertificate({ commonName: 'after' });
  const archive = zip([
    ['fat.pem', randomBytes(21 * 1024 * 1024), { size: 10 }],
    ['after.pem', pem],
  ]);
  const items = await itemsOf(archive);
  expect(items[0]!.failure).toMatchObject({ reason: 'LIMIT_EXCEEDED', message: expect.stringContaining('20971520') });
  expect(items[1]!.inspection!.certificates.length).toBe(1);
});

test('an archive of keystores leaves places in the queue: they are opened one by one in each block', async () => {
  const archive = zip(Array.from({ length: 450 }, (_, i) => [`${i}.p12`, fixture('openssl-default.p12')]));
  let [waiting, most] = [0, 0];
  const counted = Object.create(sandbox, {
    size: { value: sandbox.size },
    run: {
      value: async (...args: Parameters<Sandbox['run']>) => {
        most = Math.max(most, ++waiting);
        return await sandbox.run(...args).finally(() => waiting--);
      },
    },
  }) as Sandbox;
  let keys = 0;
  for await (const { part } of parseArchive(requestsOf(archive, { password: 'changeit' }), counted))
    if (part?.$case === 'batch') keys += part.value.items.filter((item) => item.privateKeys.length === 1).length;
  expect(keys).toBe(450);
  expect(most).toBeLessThanOrEqual(sandbox.size + 1);
});

test('no more is read ahead than the children can do: who takes slowly is not run over', async () => {
  const { pem } = await makeCertificate({ commonName: 'ahead' });
  const archive = zip(Array.from({ length: 4_000 }, (_, i) => [`${i}.pem`, pem]));
  let blocks = 0;
  const counted = Object.create(sandbox, {
    size: { value: sandbox.size },
    run: {
      value: (...args: Parameters<Sandbox['run']>) => {
        blocks++;
        return sandbox.run(...args);
      },
    },
  }) as Sandbox;
  const answers = parseArchive(requestsOf(archive), counted)[Symbol.asyncIterator]();
  await answers.next();
  await answers.next();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(blocks).toBe(sandbox.size + 1);
  await answers.return(undefined);
});

test('keys go to the certificates of their folder, or of their name, also over the edge of a block', async () => {
  const certificates = await Promise.all(
    ['srv001', 'srv002', 'nas'].map((commonName) => makeCertificate({ commonName })),
  );
  const [one, two, nas] = certificates as [
    (typeof certificates)[0],
    (typeof certificates)[0],
    (typeof certificates)[0],
  ];
  const filler = Array.from({ length: 197 }, (_, i): [string, string] => [`fill/${i}.txt`, 'x']);
  const items = await itemsOf(
    zip([
      ...filler,
      ['srv001/cert.pem', one.pem],
      ['srv001/chain.pem', two.pem],
      ['srv001/fullchain.pem', one.pem],
      ['srv001/key.pem', one.keyPem],
      ['nas-cert.pem', nas.pem],
      ['nas-privkey.pem', nas.keyPem],
      ['README.txt', 'see the page'],
      ['damaged.crt', 'rubbish'],
    ]),
  );
  const seen = items
    .slice(197)
    .map(({ name, privateKeys, passedOver, failure, inspection }) => [
      name,
      inspection?.certificates.map(({ key }) => key) ?? [],
      privateKeys.length,
      passedOver ?? failure?.reason,
    ]);
  expect(seen).toEqual([
    ['srv001/cert.pem', [0], 1, undefined],
    ['srv001/chain.pem', [undefined], 0, undefined],
    ['srv001/fullchain.pem', [0], 1, undefined],
    ['srv001/key.pem', [], 0, 'Its key is with the certificate of srv001/fullchain.pem.'],
    ['nas-cert.pem', [0], 1, undefined],
    ['nas-privkey.pem', [], 0, 'Its key is with the certificate of nas-cert.pem.'],
    ['README.txt', [], 0, expect.stringMatching(/^This is not a certificate/)],
    ['damaged.crt', [], 0, 'UNKNOWN_FORMAT'],
  ]);
  expect(items[198 - 1]!.privateKeys[0]).toEqual(new Uint8Array(one.keyDer));
});

test('of a file with several keys those stay that no certificate is there for', async () => {
  const [one, other] = await Promise.all(['one', 'other'].map((commonName) => makeCertificate({ commonName })));
  const items = await itemsOf(
    zip([
      ['keys.pem', one!.keyPem + other!.keyPem],
      ['one.pem', one!.pem],
    ]),
  );
  const [keys, certificate] = items;
  expect(keys).toMatchObject({ passedOver: undefined, inspection: { keys: [{ index: 1 }] } });
  expect(keys!.privateKeys).toEqual([new Uint8Array(other!.keyDer)]);
  expect(certificate!.privateKeys).toEqual([new Uint8Array(one!.keyDer)]);
});

describe.skipIf(!hasProgram('openssl'))('what OpenSSL makes', () => {
  const folder = temporaryFolder('archive');
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const file = (name: string): [string, Buffer] => [name, readFileSync(join(folder, name))];

  test('a key fits however its certificate writes the public key; a request is passed over', async () => {
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'a.key');
    openssl('ec', '-in', 'a.key', '-conv_form', 'compressed', '-out', 'compressed.pem');
    openssl('req', '-x509', '-new', '-key', 'compressed.pem', '-subj', '/CN=c', '-out', 'a.crt');
    openssl('req', '-new', '-key', 'a.key', '-subj', '/CN=wanted', '-out', 'a.csr');
    const items = await itemsOf(zip([file('a.key'), file('a.crt'), file('a.csr')]));
    expect(items.map(({ privateKeys, passedOver }) => [privateKeys.length, passedOver])).toEqual([
      [0, 'Its key is with the certificate of a.crt.'],
      [1, undefined],
      [
        0,
        expect.stringMatching(
          /^There is no certificate and no private key in it\. A certificate request for "CN=wanted"/,
        ),
      ],
    ]);
  });
});

test('of several passwords each is tried on each file', async () => {
  const archive = zip([['b.p12', fixture('openssl-default.p12')]]);
  const [opened] = await itemsOf(archive, { password: 'wrong', passwords: ['wronger', 'changeit'] });
  expect(opened!.privateKeys).toHaveLength(1);
  const [refused] = await itemsOf(archive, { passwords: ['wrong', 'wronger'] });
  expect(refused!.failure).toMatchObject({ reason: 'WRONG_PASSWORD', message: 'None of the 2 passwords opens it.' });
});
