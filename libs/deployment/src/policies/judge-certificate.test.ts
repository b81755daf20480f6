import { makeCertificate, makeChain } from '@certferry/testing';
import { readCertificate, type CertificateFacts } from '@certferry/x509';
import { beforeAll, describe, expect, test } from 'vitest';
import { judgeCertificate, type Candidate } from './judge-certificate.ts';
import { fromPolicy, policyOf } from './policy.ts';

const now = new Date('2026-11-01T00:00:00Z');
const judge = (candidate: Candidate, policy = policyOf({})) => judgeCertificate(candidate, { policy, now });

let leaf: CertificateFacts;
let issuer: CertificateFacts;
let root: CertificateFacts;
beforeAll(async () => {
  const made = await makeChain('shop.example.com');
  [leaf, issuer, root] = [made.leaf, made.intermediate, made.root].map(({ der }) => readCertificate(der)) as [
    CertificateFacts,
    CertificateFacts,
    CertificateFacts,
  ];
});

const named = (...values: string[]): CertificateFacts => ({
  ...leaf,
  fingerprintSha256: values.join(),
  commonName: '',
  subjectAlternativeNames: values.map((value) => ({ type: 'dns', value })),
});
const past = new Date('2026-10-31T00:00:00Z');
const future = new Date('2026-11-02T00:00:00Z');

test('a good certificate with its chain has no finding', () => {
  expect(judge({ certificate: leaf, chain: [issuer, root], held: { ...leaf, fingerprintSha256: 'old' } })).toEqual([]);
  expect(judge({ certificate: root, chain: [], held: { ...issuer, commonName: 'other' } })).toEqual([]);
});

test.each<[string, (chain: CertificateFacts[]) => Partial<Candidate>, object[]]>([
  [
    'has expired',
    () => ({ certificate: { ...leaf, notAfter: past } }),
    [{ rule: 'expired', severity: 'refuse', message: 'It expired on 2026-10-31.' }],
  ],
  [
    'is not valid yet',
    () => ({ certificate: { ...leaf, notBefore: future } }),
    [{ rule: 'notYetValid', severity: 'warn', message: 'It is valid from 2026-11-02 on.' }],
  ],
  [
    'has a short key',
    () => ({ certificate: { ...leaf, keyAlgorithm: 'RSA', keySize: 1024 } }),
    [{ rule: 'weak', severity: 'warn' }],
  ],
  [
    'is signed with SHA-1',
    () => ({ certificate: { ...leaf, signatureAlgorithm: 'sha1WithRSAEncryption' } }),
    [{ rule: 'weak', severity: 'warn' }],
  ],
  [
    'has an issuer that is signed with MD5',
    () => ({ chain: [{ ...issuer, signatureAlgorithm: 'md5WithRSAEncryption' }] }),
    [{ rule: 'weak', message: expect.stringContaining('Of its issuer CN=Issuer of shop.example.com') }],
  ],
  [
    'has an issuer that has expired',
    () => ({ chain: [{ ...issuer, notAfter: past }] }),
    [{ rule: 'chain', severity: 'warn', message: expect.stringContaining('It expired on 2026-10-31.') }],
  ],
  [
    'comes without its intermediate',
    () => ({ chain: [] }),
    [{ rule: 'chain', severity: 'warn', message: expect.stringContaining('without its chain') }],
  ],
  [
    'is self-signed',
    () => ({ chain: [], certificate: { ...leaf, selfIssued: true } }),
    [{ rule: 'chain', severity: 'warn', message: expect.stringContaining('self-signed') }],
  ],
  [
    'covers none of the names',
    () => ({ held: named('other.example.com', 'b', 'c', 'd') }),
    [
      {
        rule: 'names',
        severity: 'refuse',
        message:
          'It covers none of the names of the one that it replaces (other.example.com, b, c and 1 more), but shop.example.com.',
      },
    ],
  ],
  [
    'is an authority in the place of a server’s',
    () => ({ certificate: root, chain: [], held: leaf }),
    [{ rule: 'names', severity: 'refuse' }],
  ],
])('a certificate that %s has a finding', (_, change, expected) => {
  const found = judge({ certificate: leaf, chain: [issuer, root], held: undefined, ...change([]) });
  expect(found).toMatchObject(expected);
  expect(found).toHaveLength(expected.length);
});

test.each([
  ['www.example.com', '*.example.com', true],
  ['*.example.com', 'www.example.com', true],
  ['*.example.com', '*.example.com', true],
  ['WWW.example.com.', 'www.EXAMPLE.com', true],
  ['a.b.example.com', '*.example.com', false],
  ['example.com', '*.example.com', false],
  ['example.com', 'www.example.com', false],
])('%s over %s shares a name: %s', (ours, theirs, shared) => {
  const found = judge({ certificate: named('first.test', ours), chain: [issuer], held: named(theirs, 'last.test') });
  expect(found.map(({ rule }) => rule)).toEqual(shared ? [] : ['names']);
});

test('the common name counts where there is no other, addresses only as they are', async () => {
  const plain = (commonName: string) => ({ ...named(), commonName, fingerprintSha256: commonName });
  expect(judge({ certificate: named('a.test'), chain: [issuer], held: plain('a.test') })).toEqual([]);
  expect(judge({ certificate: named('b.test'), chain: [issuer], held: plain('a.test') })).toHaveLength(1);
  expect(judge({ certificate: named('b.test'), chain: [issuer], held: plain('') })).toEqual([]);
  const by = readCertificate((await makeCertificate({ commonName: 'other', names: ['a.test'] })).der);
  expect(judge({ certificate: by, chain: [issuer], held: plain('a.test') })).toEqual([]);
});

describe('a policy', () => {
  test('says what becomes of each finding', () => {
    const certificate = { ...leaf, notAfter: past, keyAlgorithm: 'RSA', keySize: 512 };
    const candidate = { certificate, chain: [], held: named('other') };
    const rules = (policy: object) =>
      judge(candidate, policyOf({ policy })).map(({ rule, severity }) => `${severity} ${rule}`);
    expect(rules({})).toEqual(['warn weak', 'refuse expired', 'warn chain', 'refuse names']);
    expect(rules({ weak: 'refuse', expired: 'allow', chain: 'allow', names: 'warn' })).toEqual([
      'refuse weak',
      'warn names',
    ]);
  });

  test('is of known words', () => {
    const none = { expired: '', notYetValid: '', weak: '', chain: '', names: '' };
    expect(fromPolicy(undefined)).toBeUndefined();
    expect(fromPolicy({ ...none, weak: 'refuse' })).toEqual({ weak: 'refuse' });
    expect(() => fromPolicy({ ...none, names: 'never' })).toThrow('policy.names is one of refuse, warn, allow');
  });
});
