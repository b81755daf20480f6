import { ENCRYPTIONS } from './password-writing.ts';
import { createPrivateKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { readCertificate } from './certificate.ts';
import { fixture, fixtureDer } from './fixtures.ts';
import { IterationBudget, MAX_KDF_ITERATIONS } from './password-encryption.ts';
import { readPem } from './pem.ts';
import { decryptPrivateKey, encryptPrivateKey, readLegacyEncryptedKey, readPrivateKey } from './private-key.ts';
import { context, DerReader, TAG } from './der-reader.ts';
import { integer, octetString, oid, sequence, setOf, tlv } from './der-writer.ts';

const expected = readPrivateKey(fixtureDer('leaf.key'), 'pkcs8');

test('PKCS#1, SEC 1 and PKCS#8 become the same PKCS#8, paired by public key', () => {
  expect(readPrivateKey(fixtureDer('leaf.pkcs1.key'), 'pkcs1')).toEqual(expected);
  expect(expected).toMatchObject({
    algorithm: 'RSA',
    size: 2048,
    publicKeySha256: readCertificate(fixtureDer('leaf.pem')).publicKeySha256,
  });
  const ec = readPrivateKey(readPem(fixture('ec.sec1.key')).at(-1)!.bytes!, 'sec1');
  expect(ec.publicKeySha256).toBe(readCertificate(fixtureDer('ec.pem')).publicKeySha256);
});

test.each(['leaf.encrypted.key', 'leaf.encrypted-3des.key'])('%s opens with its password only', (name) => {
  expect(decryptPrivateKey(fixtureDer(name), 'changeit', new IterationBudget())).toEqual(expected);
  expect(() => decryptPrivateKey(fixtureDer(name), 'wrong', new IterationBudget())).toThrow(/password does not open/);
  expect(() => decryptPrivateKey(fixtureDer(name), undefined, new IterationBudget())).toThrow(
    /encrypted: send its password/,
  );
});

test('a traditional key encrypted by PEM headers opens', () => {
  const block = readPem(fixture('leaf.legacy-encrypted.key'))[0]!;
  expect(readLegacyEncryptedKey({ ...block, bytes: block.bytes! }, 'changeit')).toEqual(expected);
  // Of 300 wrong passwords at least one leaves padding that looks right (but in one run of 200,000).
  for (let i = 0; i < 300; i++)
    expect(() => readLegacyEncryptedKey({ ...block, bytes: block.bytes! }, `wrong ${i}`)).toThrow(
      /password does not open the private key/,
    );
});

test('a wrong password of encrypted PKCS#8 is never taken for a damaged key', () => {
  const der = encryptPrivateKey(readPrivateKey(fixtureDer('ec.key'), 'pkcs8').pkcs8, 'right', ENCRYPTIONS.legacy);
  for (let i = 0; i < 300; i++)
    expect(() => decryptPrivateKey(der, `wrong ${i}`, new IterationBudget())).toThrow(/password does not open/);
});

test('what we encrypt, Node decrypts', () => {
  const der = encryptPrivateKey(expected.pkcs8, 'sesame');
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8', passphrase: 'sesame' });
  expect(key.export({ format: 'der', type: 'pkcs8' })).toEqual(expected.pkcs8);
});

test('an unknown scheme is named, and iterations are refused before they are spent', () => {
  const encrypted = (...scheme: Uint8Array[]) => sequence(sequence(...scheme), octetString(Buffer.alloc(8)));
  const open = (der: Uint8Array) => decryptPrivateKey(der, 'x', new IterationBudget());
  expect(() => open(encrypted(oid('1.2.840.113549.1.5.1')))).toThrow(
    /encryption pbeWithMD2AndDES-CBC \(1\.2\.840\.113549\.1\.5\.1\), which is not supported/,
  );
  const iterations = (count: number) =>
    encrypted(oid('1.2.840.113549.1.12.1.3'), sequence(octetString(Buffer.alloc(8)), integer(count)));
  expect(() => open(iterations(MAX_KDF_ITERATIONS / 2 + 1))).toThrow(/asks for 5000002 iterations; the limit/);
  expect(() => open(iterations(2 ** 31))).toThrow(/limit \(key derivation iterations\)/);
});

test('what of a PKCS#8 is not kept, and a key of an algorithm that node:crypto has not, are named', () => {
  const info = (algorithm: Uint8Array, ...more: Uint8Array[]) =>
    sequence(integer(0), algorithm, octetString(Buffer.from('0401ff', 'hex')), ...more);
  const gost = sequence(oid('1.2.643.7.1.1.1.1'), sequence(oid('1.2.643.7.1.2.1.1.1')));
  expect(() => readPrivateKey(info(gost), 'pkcs8')).toThrow(
    'The private key uses algorithm GOST R 34.10-2012 (256 bits) (1.2.643.7.1.1.1.1), which is not supported.',
  );
  expect(() => readPrivateKey(info(sequence(oid('1.2.3.4'))), 'pkcs8')).toThrow('uses algorithm 1.2.3.4, which');
  const onGost = sequence(oid('1.2.840.10045.2.1'), oid('1.2.643.7.1.2.1.1.1'));
  expect(() => readPrivateKey(info(onGost), 'pkcs8')).toThrow('uses curve 1.2.643.7.1.2.1.1.1, which');
  const broken = sequence(oid('1.2.840.113549.1.1.1'), Buffer.from('0500', 'hex'));
  expect(() => readPrivateKey(info(broken), 'pkcs8')).toThrow('Malformed private key.');

  const plain = readPrivateKey(fixtureDer('ec.key'), 'pkcs8');
  expect(plain.droppedAttributes).toBeUndefined();
  const usage = sequence(oid('2.5.29.15'), setOf(Buffer.from('030200a0', 'hex')));
  const inside = new DerReader(plain.pkcs8, 'key').enter(TAG.sequence);
  const content = plain.pkcs8.subarray(inside.position);
  const { droppedAttributes, ...key } = readPrivateKey(sequence(content, tlv(context(0), usage)), 'pkcs8');
  expect([droppedAttributes, key]).toEqual([['2.5.29.15'], plain]);
});
