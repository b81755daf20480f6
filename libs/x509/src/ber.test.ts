import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { toDefiniteLengths } from './ber.ts';
import { fixtureDer } from './fixtures.ts';
import { readPkcs12 } from './pkcs12.ts';
import { X509Error } from './x509-error.ts';

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));

/** The same value with indefinite lengths wherever it is constructed. */
function toIndefiniteLengths(der: Uint8Array): Buffer {
  const tag = der[0]!;
  const first = der[1]!;
  const content = der.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
  if ((tag & 0x20) === 0) return Buffer.from(der);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < content.length;) {
    const length = content[at + 1]!;
    const head = length < 0x80 ? 2 : 2 + (length & 0x7f);
    let size = length < 0x80 ? length : 0;
    for (let i = 2; i < head; i++) size = size * 256 + content[at + i]!;
    parts.push(toIndefiniteLengths(content.subarray(at, at + head + size)));
    at += head + size;
  }
  return Buffer.concat([Uint8Array.of(tag, 0x80), ...parts, Uint8Array.of(0, 0)]);
}

test.each(['leaf.pem', 'root.pem', 'ed25519.pem'])('%s comes back as it was', (name) => {
  const der = fixtureDer(name);
  expect(Buffer.from(toDefiniteLengths(toIndefiniteLengths(der), 'x'))).toEqual(Buffer.from(der));
  expect(toDefiniteLengths(der, 'x')).toBe(der);
});

test.each(['openssl-default.p12', 'openssl-legacy.p12', 'keytool.p12'])('%s is read in indefinite form', (name) => {
  const bags = (bytes: Uint8Array) =>
    readPkcs12(bytes, 'changeit').contents.flatMap((one) => one.bags.map((bag) => bag.kind));
  const der = fixture(name);
  expect(bags(toIndefiniteLengths(der))).toEqual(bags(der));
});

test('octet strings in pieces are put together', () => {
  const pieces = Buffer.from('308024800402010204020304000000000000', 'hex').subarray(0, -2);
  expect(Buffer.from(toDefiniteLengths(pieces, 'x')).toString('hex')).toBe('3006040401020304');
});

test('what stands behind a value stays behind it', () => {
  const der = fixtureDer('leaf.pem');
  const content = Buffer.concat([toIndefiniteLengths(der), Buffer.from('\n')]);
  expect(Buffer.from(toDefiniteLengths(content, 'x'))).toEqual(Buffer.concat([der, Buffer.from('\n')]));
});

test('every cut is refused with our own error', () => {
  const ber = toIndefiniteLengths(fixtureDer('leaf.pem'));
  for (let length = 3; length < ber.length; length++)
    expect(() => toDefiniteLengths(ber.subarray(0, length), 'x')).toThrow(X509Error);
  expect(() => toDefiniteLengths(Buffer.from('3080'.repeat(100), 'hex'), 'x')).toThrow(/nested too deep/);
});
