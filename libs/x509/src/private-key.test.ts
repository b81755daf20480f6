import { createPrivateKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { readCertificate } from './certificate.ts';
import { fixture, fixtureDer } from './fixtures.ts';
import { IterationBudget, MAX_KDF_ITERATIONS } from './password-encryption.ts';
import { readPem } from './pem.ts';
import { decryptPrivateKey, encryptPrivateKey, readLegacyEncryptedKey, readPrivateKey } from './private-key.ts';
import { integer, octetString, oid, sequence } from './der-writer.ts';

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
  const der = encryptPrivateKey(readPrivateKey(fixtureDer('ec.key'), 'pkcs8').pkcs8, 'right', 'legacy');
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
  expect(() => open(encrypted(oid('1.2.840.113549.1.5.1')))).toThrow(/pbeWithMD2AndDES-CBC, which is not supported/);
  const iterations = (count: number) =>
    encrypted(oid('1.2.840.113549.1.12.1.3'), sequence(octetString(Buffer.alloc(8)), integer(count)));
  expect(() => open(iterations(MAX_KDF_ITERATIONS / 2 + 1))).toThrow(/asks for 5000002 iterations; the limit/);
  expect(() => open(iterations(2 ** 31))).toThrow(/limit \(key derivation iterations\)/);
});
