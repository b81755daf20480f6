import { expect, test } from 'vitest';
import { oid, sequence, tlv } from './der-writer.ts';
import { context } from './der-reader.ts';
import { fixtureDer } from './fixtures.ts';
import { isPkcs7, readPkcs7, writePkcs7 } from './pkcs7.ts';

const contentOf = (type: string) => sequence(oid(type), tlv(context(0), sequence()));

test('signed data is read', () => {
  const content = writePkcs7([fixtureDer('leaf.pem'), fixtureDer('root.pem')]);
  expect(isPkcs7(content)).toBe(true);
  expect(readPkcs7(content).map((der) => Buffer.from(der))).toEqual(
    ['leaf.pem', 'root.pem'].map((name) => Buffer.from(fixtureDer(name))),
  );
});

test.each([
  ['1.2.840.113549.1.7.1', /^This PKCS#7 is plain data, not signed data: import the file that is in it\.$/],
  ['1.2.840.113549.1.7.3', /is enveloped data, not signed data: decrypt it with the key of a recipient/],
  ['1.2.840.113549.1.7.4', /is signed and enveloped data, .*openssl pkcs7 -print_certs/],
  ['1.2.840.113549.1.7.5', /is digested data/],
  ['1.2.840.113549.1.7.6', /is encrypted data/],
  ['1.2.840.113549.1.9.16.1.2', /is authenticated data/],
  ['1.2.840.113549.1.9.16.1.9', /is compressed data/],
  ['1.2.840.113549.1.9.16.1.23', /is authenticated enveloped data/],
])('content of type %s is recognised, and refused by name', (type, message) => {
  expect(isPkcs7(contentOf(type))).toBe(true);
  expect(() => readPkcs7(contentOf(type))).toThrow(
    expect.objectContaining({ reason: 'UNSUPPORTED_CONTENT', message: expect.stringMatching(message) as string }),
  );
});

test('content of an unknown type is refused by its OID where its label says PKCS#7, and not recognised where nothing does', () => {
  expect(isPkcs7(contentOf('1.2.3.4'))).toBe(false);
  expect(() => readPkcs7(contentOf('1.2.3.4'))).toThrow(/This PKCS#7 is content of type 1\.2\.3\.4, not signed data/);
});
