import { readFileSync } from 'node:fs';
import { makeCertificate } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { readFast } from './fast-path.ts';
import { openContainer } from './open-container.ts';
import { writePkcs7 } from '@certferry/x509';

const fixture = (name: string) => readFileSync(new URL(`../../x509/fixtures/${name}`, import.meta.url));
const [one, two] = [await makeCertificate({ commonName: 'one' }), await makeCertificate({ commonName: 'two' })];
const names = (content: Uint8Array, password?: string) => {
  const { certificates, keys, failures, notices } = openContainer(content, { password });
  return { names: certificates.map(({ facts }) => facts.commonName), keys: keys.length, failures, notices };
};

describe('bytes behind the end', () => {
  const p7b = writePkcs7([one.der, two.der]);
  const p12 = fixture('openssl-default.p12');
  const indefinite = Buffer.concat([
    Buffer.of(0x30, 0x80),
    p7b.subarray(p7b[1]! < 0x80 ? 2 : 2 + (p7b[1]! & 0x7f)),
    Buffer.alloc(2),
  ]);
  test.each<[string, Uint8Array, number]>([
    ['DER', one.der, 1],
    ['a DER key', one.keyDer, 0],
    ['PKCS#7', p7b, 2],
    ['PKCS#7 in BER', indefinite, 2],
    ['PKCS#12', p12, 3],
  ])('%s: a newline, NULs and what is nothing are passed over with a notice', (_, content, count) => {
    expect(openContainer(content, { password: 'changeit' }).notices).toEqual([]);
    const read = (behind: string) => names(Buffer.concat([content, Buffer.from(behind)]), 'changeit');
    expect(read('\n')).toMatchObject({
      failures: [],
      notices: ['1 blank or NUL byte was behind the end: passed over.'],
    });
    expect(read('\0'.repeat(9)).notices).toEqual(['9 blank or NUL bytes were behind the end: passed over.']);
    expect(read('\r\nrubbish').notices).toEqual([
      '2 blank or NUL bytes were behind the end: passed over.',
      '7 bytes were behind the end, and nothing that Certferry reads: passed over.',
    ]);
    for (const behind of ['\n', 'rubbish']) expect(read(behind).names.length).toBe(count);
  });

  test('certificates and a key in DER, one behind the other, are all read and paired', () => {
    const content = Buffer.concat([two.der, Buffer.from('\n'), one.der, one.keyDer]);
    expect(names(content)).toEqual({
      names: ['two', 'one'],
      keys: 1,
      failures: [],
      notices: [
        '3 values stand one behind the other in this file.',
        '1 blank or NUL byte was behind the end: passed over.',
      ],
    });
    const container = openContainer(content, {});
    expect(container.certificates.map(({ index, key }) => [index, key])).toEqual([
      [0, undefined],
      [1, 0],
    ]);
  });

  test('PEM behind DER is read too', () => {
    expect(names(Buffer.concat([one.der, Buffer.from(`\n${two.pem}${two.keyPem}`)]))).toMatchObject({
      names: ['one', 'two'],
      keys: 1,
    });
  });

  test('a second certificate that is broken fails alone', () => {
    const broken = Buffer.from(two.der);
    broken.fill(0xff, 60, 80);
    const { names: found, failures } = names(Buffer.concat([one.der, broken]));
    expect([found, failures.map(({ index, reason }) => [index, reason])]).toEqual([['one'], [[1, 'MALFORMED']]]);
  });

  test('so does the first, and nobody says that all were read', () => {
    const broken = Buffer.from(two.der);
    broken.fill(0xff, 60, 80);
    const read = names(Buffer.concat([broken, one.der]));
    expect([read.names, read.failures.map(({ index, reason }) => [index, reason])]).toEqual([
      ['one'],
      [[0, 'MALFORMED']],
    ]);
    expect(read.notices).toEqual(['2 values stand one behind the other in this file.']);
  });

  test('more than 500 values are refused, before anybody waits', () => {
    const tiny = Buffer.from('300430020200', 'hex');
    const limit = { reason: 'LIMIT_EXCEEDED', details: { limit: 'values in a file', value: '500' } };
    const read = (count: number) => () => openContainer(Buffer.alloc(count * tiny.length, tiny), {});
    expect(read(500)).toThrow(expect.objectContaining({ reason: 'MALFORMED' }));
    expect(read(501)).toThrow(expect.objectContaining(limit));
  });

  test('what derives a key is for a child, wherever it stands', () => {
    expect(readFast(Buffer.concat([one.der, two.der]), {})?.certificates.length).toBe(2);
    expect(readFast(Buffer.concat([one.der, p12]), { password: 'changeit' })).toBeUndefined();
  });
});

test('190,000 values of a PKCS#7 that are no certificates, behind another value, fail one by one', () => {
  const broken = writePkcs7([Buffer.alloc(380_000, '3000', 'hex')]);
  const { names: read, failures } = names(Buffer.concat([one.der, broken]));
  expect([read, failures.length, failures.at(-1)!.index]).toEqual([['one'], 190_000, 190_000]);
});
