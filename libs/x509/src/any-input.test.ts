import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bouncyCastleType,
  createKeystore,
  decryptPrivateKey,
  explainExtensions,
  isJavaKeystore,
  IterationBudget,
  listKeystoreEntries,
  MAX_KDF_ITERATIONS,
  orderChains,
  readBksKeystore,
  readCertificate,
  readJavaKeystore,
  readOpenSshPrivateKey,
  readPem,
  readPkcs12,
  readPkcs7,
  readPrivateKey,
  readSubjectPublicKey,
  readAnyPrivateKey,
  splitName,
  toDefiniteLengths,
  writePem,
  X509Error,
} from './index.ts';
import { DerReader, TAG } from './der-reader.ts';
import { oid, sequence, setOf, tlv } from './der-writer.ts';
import { fixtureDer } from './fixtures.ts';
import { readName } from './name.ts';

const budget = () => new IterationBudget();
/** Everything of this lib that is given bytes of strangers. */
const READERS: Record<string, (bytes: Uint8Array) => unknown> = {
  readCertificate,
  explainExtensions,
  readSubjectPublicKey,
  readPem,
  readPkcs7,
  readPkcs12: (bytes) => listKeystoreEntries(readPkcs12(bytes, 'changeit', 'changeit')),
  readJavaKeystore: (bytes) => isJavaKeystore(bytes) && readJavaKeystore(bytes, { password: 'changeit' }, budget()),
  readBksKeystore: (bytes) => bouncyCastleType(bytes) && readBksKeystore(bytes, { password: 'changeit' }, budget()),
  toDefiniteLengths: (bytes) => toDefiniteLengths(bytes, 'anything'),
  'readPrivateKey, PKCS#8': (bytes) => readPrivateKey(bytes, 'pkcs8'),
  'readPrivateKey, PKCS#1': (bytes) => readPrivateKey(bytes, 'pkcs1'),
  'readPrivateKey, SEC 1': (bytes) => readPrivateKey(bytes, 'sec1'),
  readAnyPrivateKey: (bytes) => readAnyPrivateKey(bytes, 'changeit', budget()),
  decryptPrivateKey: (bytes) => decryptPrivateKey(bytes, 'changeit', budget()),
  readOpenSshPrivateKey: (bytes) => readOpenSshPrivateKey(bytes, 'changeit', budget()),
  orderChains: (bytes) => orderChains([{ der: bytes, facts: readCertificate(bytes), hasKey: false }]),
};

const folder = new URL('../fixtures/', import.meta.url);
const fixtures = readdirSync(folder)
  .filter((name) => /\.(pem|key|p12)$/.test(name))
  .flatMap((name) => {
    const content = readFileSync(new URL(name, folder));
    return name.endsWith('.p12') ? [content] : [content, ...readPem(content).flatMap(({ bytes }) => bytes ?? [])];
  });
const jks = createKeystore({
  type: 'jks',
  password: 'changeit',
  entries: [{ alias: 'web1', certificates: [fixtureDer('leaf.pem')], privateKey: fixtureDer('leaf.key') }],
});
/** The head of a BouncyCastle keystore and one entry of one certificate that is not there. */
const bks = Buffer.from(
  `0000000200000004010203040000000101000161${'00'.repeat(12)}0005582e35303900000001ff00${'00'.repeat(20)}`,
  'hex',
);

/** A fixture with bytes changed, cut off or put in; or anything at all. */
const anything = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .tuple(
      fc.constantFrom(...fixtures, jks, bks),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
      fc.nat(),
      fc.uint8Array({ maxLength: 20 }),
    )
    .map(([fixture, changes, at, more]) => {
      const bytes = Uint8Array.from(fixture);
      for (const [where, byte] of changes) bytes[where % bytes.length] = byte;
      const cut = at % (2 * bytes.length);
      return Buffer.concat([bytes.subarray(0, cut), more, bytes.subarray(cut)]);
    }),
);

describe('no reader throws anything but an X509Error, whatever it is given', () => {
  beforeAll(() => void (IterationBudget.limit = 5_000));
  afterAll(() => void (IterationBudget.limit = MAX_KDF_ITERATIONS));

  test.each(Object.entries(READERS))('%s', (_, read) => {
    fc.assert(
      fc.property(anything, (bytes) => {
        try {
          read(bytes);
        } catch (error) {
          if (!(error instanceof X509Error)) throw error;
        }
      }),
      { numRuns: 600 },
    );
  });
});

const types = { CN: '2.5.4.3', O: '2.5.4.10', OU: '2.5.4.11', DC: '0.9.2342.19200300.100.1.25', '1.2.3.4': '1.2.3.4' };
const attribute = fc.record({
  type: fc.constantFrom(...(Object.keys(types) as (keyof typeof types)[])),
  value: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
});

test('a name is written so that splitting its text gives its attributes again, whatever is in them', () => {
  fc.assert(
    fc.property(fc.array(fc.array(attribute, { minLength: 1, maxLength: 2 }), { maxLength: 4 }), (rdns) => {
      const der = sequence(
        ...rdns.map((rdn) =>
          setOf(...rdn.map(({ type, value }) => sequence(oid(types[type]), tlv(TAG.utf8String, Buffer.from(value))))),
        ),
      );
      const { text } = readName(new DerReader(der, 'name').enter(TAG.sequence));
      const sorted = (list: { type: string; value: string }[][]) =>
        list.map((rdn) => rdn.map(({ type, value }) => `${type}=${value}`).toSorted());
      expect(sorted(splitName(text))).toEqual(sorted(rdns.toReversed()));
    }),
    { numRuns: 1_000 },
  );
});

test('PEM of anything is read again', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 5_000 }), fc.string({ unit: 'grapheme' }), (bytes, around) => {
      const text = around.replaceAll('-', '');
      const [block] = readPem(Buffer.from(`${text}\n${writePem('CERTIFICATE', bytes)}${text}`));
      expect(Buffer.from(block!.bytes!)).toEqual(Buffer.from(bytes));
    }),
  );
});

test('a JKS of any aliases and password is read again', () => {
  const aliases = fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), {
    selector: (alias) => alias.toLowerCase(),
    maxLength: 5,
  });
  fc.assert(
    fc.property(aliases, fc.string({ unit: 'binary' }), (names, password) => {
      const entries = names.map((alias) => ({ alias, certificates: [fixtureDer('root.pem')] }));
      const content = createKeystore({ type: 'jks', password, entries });
      const read = readJavaKeystore(content, { password }, budget()).entries;
      expect(read.map(({ alias }) => alias)).toEqual(names.map((alias) => alias.toLowerCase()));
    }),
  );
});
