import { describe, expect, test } from 'vitest';
import { context } from '../der-reader.ts';
import { integer, octetString, oid, sequence, tlv } from '../der-writer.ts';
import { fixtureDer } from '../fixtures.ts';
import { explainExtensions } from './explain-extensions.ts';

const text = (tag: number, value: string) => tlv(tag, Buffer.from(value));
const TRUE = tlv(0x01, Buffer.of(0xff));

/** A certificate that is nothing but its extensions. */
const withExtensions = (...extensions: Uint8Array[]) =>
  sequence(sequence(integer(1), tlv(context(3), sequence(...extensions))));
const explain = (id: string, value: Uint8Array) =>
  explainExtensions(withExtensions(sequence(oid(id), TRUE, octetString(value))))[0]!;

test('of a leaf that OpenSSL made', () => {
  const found = explainExtensions(fixtureDer('leaf.pem')).map(({ name, oid: id, critical, text: said }) => [
    name || id,
    critical,
    said,
  ]);
  expect(found).toEqual(
    expect.arrayContaining([
      ['basicConstraints', false, ['not a certificate authority']],
      ['keyUsage', false, ['digitalSignature', 'keyEncipherment']],
      ['extKeyUsage', false, ['serverAuth', 'clientAuth', '1.2.3.4']],
    ]),
  );
});

const uri = (value: string) => text(0x86, value);

describe('each in words', () => {
  test.each<[string, string, Uint8Array, string[]]>([
    ['subjectKeyIdentifier', '2.5.29.14', octetString(Buffer.from('0102', 'hex')), ['0102']],
    [
      'privateKeyUsagePeriod',
      '2.5.29.16',
      sequence(text(0x80, '20250101000000Z'), text(0x81, '20260101000000Z')),
      ['from 20250101000000Z', 'until 20260101000000Z'],
    ],
    ['basicConstraints', '2.5.29.19', sequence(TRUE, integer(3)), ['a certificate authority', 'path length 3']],
    [
      'nameConstraints',
      '2.5.29.30',
      sequence(
        tlv(0xa0, sequence(text(0x82, 'example.com'))),
        tlv(0xa1, sequence(tlv(0x87, Buffer.from('0a000000ff000000', 'hex')))),
      ),
      ['permitted dns:example.com', 'excluded ip:10.0.0.0/255.0.0.0'],
    ],
    [
      'cRLDistributionPoints',
      '2.5.29.31',
      sequence(sequence(tlv(0xa0, tlv(0xa0, uri('http://crl/a'))), tlv(0x81, Buffer.from('0140', 'hex')))),
      ['uri:http://crl/a, reasons keyCompromise'],
    ],
    [
      'certificatePolicies',
      '2.5.29.32',
      sequence(
        sequence(oid('2.23.140.1.2.1'), sequence(sequence(oid('1.3.6.1.5.5.7.2.1'), text(0x16, 'https://cps')))),
      ),
      ['2.23.140.1.2.1 (domain validated), CPS https://cps'],
    ],
    ['policyMappings', '2.5.29.33', sequence(sequence(oid('1.2.3'), oid('1.2.4'))), ['1.2.3 = 1.2.4']],
    [
      'policyConstraints',
      '2.5.29.36',
      sequence(tlv(0x80, Buffer.of(0)), tlv(0x81, Buffer.of(2))),
      ['explicit policy required after 0 certificates', 'policy mapping inhibited after 2 certificates'],
    ],
    ['inhibitAnyPolicy', '2.5.29.54', integer(1), ['after 1 certificates']],
    [
      'authorityInfoAccess',
      '1.3.6.1.5.5.7.1.1',
      sequence(sequence(oid('1.3.6.1.5.5.7.48.1'), uri('http://ocsp'))),
      ['OCSP uri:http://ocsp'],
    ],
    [
      'tlsFeature',
      '1.3.6.1.5.5.7.1.24',
      sequence(integer(5), integer(99)),
      ['status_request (OCSP must-staple)', 'extension 99'],
    ],
    [
      'qcStatements',
      '1.3.6.1.5.5.7.1.3',
      sequence(sequence(oid('0.4.0.1862.1.1')), sequence(oid('1.2.3'))),
      ['EU qualified certificate', '1.2.3'],
    ],
    ['acmeIdentifier', '1.3.6.1.5.5.7.1.31', octetString(Buffer.from('ab', 'hex')), ['SHA-256 ab']],
    ['netscapeCertType', '2.16.840.1.113730.1.1', tlv(0x03, Buffer.from('06c0', 'hex')), ['SSL client', 'SSL server']],
    ['certificateTemplateName', '1.3.6.1.4.1.311.20.2', tlv(0x1e, Buffer.from('0057006500620031', 'hex')), ['Web1']],
    [
      'certificateTemplate',
      '1.3.6.1.4.1.311.21.7',
      sequence(oid('1.2.3'), integer(100)),
      ['template 1.2.3', 'version 100'],
    ],
    [
      'applicationPolicies',
      '1.3.6.1.4.1.311.21.10',
      sequence(sequence(oid('1.3.6.1.5.5.7.3.1'))),
      ['1.3.6.1.5.5.7.3.1'],
    ],
    [
      'ntdsSecurityIdentifier',
      '1.3.6.1.4.1.311.25.2',
      sequence(tlv(0xa0, oid('1.3.6.1.4.1.311.25.2.1'), tlv(0xa0, octetString(Buffer.from('S-1-5-21-1'))))),
      ['S-1-5-21-1'],
    ],
    [
      'subjectDirectoryAttributes',
      '2.5.29.9',
      sequence(sequence(oid('1.2.3'), tlv(0x31, text(0x13, 'a')))),
      ['1.2.3 a'],
    ],
  ])('%s', (name, id, value, said) => {
    expect(explain(id, value)).toEqual({ oid: id, name, critical: true, value: Buffer.from(value), text: said });
  });
});

test('signed certificate timestamps: log and time of each, and none of a cut list', () => {
  const timestamp = Buffer.alloc(47);
  timestamp.writeBigUInt64BE(1_700_000_000_000n, 33);
  const list = Buffer.concat([Buffer.from([0, 49, 0, 47]), timestamp]);
  const id = '1.3.6.1.4.1.11129.2.4.2';
  const log = Buffer.alloc(32).toString('base64');
  expect(explain(id, octetString(list)).text).toEqual([`log ${log} at 2023-11-14T22:13:20.000Z`]);
  expect(explain(id, octetString(list.subarray(0, 40))).text).toEqual([]);
});

test('what is unknown is kept as it is, and what is malformed says nothing', () => {
  expect(explain('1.2.3.4', Buffer.from('0500', 'hex'))).toEqual({
    oid: '1.2.3.4',
    name: '',
    critical: true,
    value: Buffer.from('0500', 'hex'),
    text: [],
  });
  expect(explain('2.5.29.36', Buffer.from('ff', 'hex'))).toMatchObject({ name: 'policyConstraints', text: [] });
  expect(explainExtensions(sequence(sequence(integer(1))))).toEqual([]);
});
