import type { CertificateFacts } from '@certferry/x509';
import { describe, expect, test } from 'vitest';
import { isRenewalOf, newestOf, predecessorOf, renewalKeys, type Replaceable } from './renewal-rule.ts';

interface Said {
  names?: string[];
  subject?: string;
  issuer?: string;
  /** Months of 2026, from its first day; the second may be of a later year. */
  valid?: [number, number];
  authority?: boolean;
  key?: string;
  usages?: string[];
}

let made = 0;
const certificate = ({ names = ['www.example.com'], valid = [1, 4], ...said }: Said = {}): Replaceable => {
  const {
    subject = 'CN=www.example.com',
    issuer = 'CN=Acme CA',
    authority,
    key = 'RSA',
    usages = ['serverAuth'],
  } = said;
  const month = (number: number) => new Date(Date.UTC(2026, number - 1, 1));
  // Whatever else is in facts does not count.
  const facts = {
    ...{
      subject,
      issuer,
      keyAlgorithm: key,
      extendedKeyUsages: usages,
      fingerprintSha256: `f${made}`,
      droppedNames: 0,
    },
    commonName: /CN=([^,]*)/.exec(subject)?.[1] ?? '',
    subjectAlternativeNames: names.map((value) => ({ type: 'dns', value })),
    basicConstraints: authority ? { certificateAuthority: true } : undefined,
    ...{ notBefore: month(valid[0]), notAfter: month(valid[1]) },
  } as CertificateFacts;
  return { _id: `c${made++}`, facts };
};

describe('a certificate is the renewal of another', () => {
  const later: Said = { valid: [3, 6] };
  test.each<[string, Said, Said]>([
    ['of the same names', {}, later],
    ['of the same names from another issuer, under another subject', {}, { ...later, subject: '', issuer: 'CN=Other' }],
    [
      'of the same names in another order and case',
      { names: ['a.example.com', 'B.example.com'] },
      { ...later, names: ['b.EXAMPLE.com', 'a.example.com'], subject: 'CN=b' },
    ],
    ['of a name with a dot at its end', { names: ['www.example.com.'] }, { ...later, subject: 'CN=x' }],
    [
      'of the same wildcard',
      { names: ['*.example.com'], subject: 'CN=1' },
      { ...later, names: ['*.example.com'], subject: 'CN=2' },
    ],
    ['of one subject and issuer with fewer names', { names: ['www.example.com', 'old.example.com'] }, later],
    ['of one subject and issuer with more names', {}, { ...later, names: ['www.example.com', 'new.example.com'] }],
    ['that has alternative names where the other had its common name alone', { names: [] }, later],
    ['of one subject without any alternative names', { names: [] }, { ...later, names: [], issuer: 'CN=Other' }],
    ['reissued with the same end', { valid: [1, 4] }, { valid: [2, 4] }],
    ['of another kind of key in the second half of its life', {}, { ...later, key: 'EC' }],
    ['of a CA under the same issuer', { authority: true }, { ...later, authority: true }],
    ['for a usage more', {}, { ...later, usages: ['serverAuth', 'clientAuth'] }],
  ])('%s', (_, older, newer) => {
    expect(isRenewalOf(certificate(newer), certificate(older))).toBe(true);
    expect(isRenewalOf(certificate(older), certificate(newer))).toBe(false);
  });

  test.each<[string, Said, Said]>([
    ['of other names', {}, { ...later, names: ['shop.example.com'], subject: 'CN=shop.example.com' }],
    [
      'of the name that a wildcard covers',
      { names: ['*.example.com'], subject: 'CN=1' },
      { ...later, subject: 'CN=2' },
    ],
    [
      'of fewer names under another subject',
      { names: ['www.example.com', 'old.example.com'] },
      { ...later, subject: 'CN=old' },
    ],
    [
      'of one organization without a name in common',
      { names: ['a.example.com'], subject: 'O=Acme' },
      { ...later, names: ['b.example.com'], subject: 'O=Acme' },
    ],
    ['that expires earlier', { valid: [1, 13] }, { valid: [3, 6] }],
    ['of the same dates', {}, {}],
    ['of another kind of key from the same days', { valid: [1, 13] }, { valid: [2, 14], key: 'EC' }],
    ['of a leaf by a CA', {}, { ...later, authority: true }],
    ['of a CA by a leaf', { authority: true }, later],
    [
      'of a CA from another issuer (a cross certificate)',
      { authority: true },
      { ...later, authority: true, issuer: 'CN=Other' },
    ],
    ['for another usage', { usages: ['serverAuth'] }, { ...later, usages: ['codeSigning'] }],
    ['without any name or subject', { names: [], subject: '' }, { ...later, names: [], subject: '' }],
  ])('not one %s', (_, older, newer) => expect(isRenewalOf(certificate(newer), certificate(older))).toBe(false));
});

test('those that replace each other share a key to look them up by', () => {
  const keysOf = (said: Said) => renewalKeys(certificate(said).facts);
  expect(keysOf({ names: ['a', 'B'], subject: '' })).toEqual(keysOf({ names: ['b', 'A'], subject: '' }));
  expect(keysOf({ names: ['a'] }).subject).toBe(keysOf({ names: ['b'] }).subject);
  expect(keysOf({ names: ['a'] }).names).not.toBe(keysOf({ names: ['b'] }).names);
  expect(keysOf({ authority: true, names: ['a'] })).toEqual(keysOf({ authority: true }));
  expect(keysOf({ subject: '', names: ['a'] })).not.toHaveProperty('subject');
});

test('of several predecessors it is the newest, in whatever order they come', () => {
  const chain = [
    [1, 4],
    [2, 5],
    [2, 6],
    [3, 7],
  ].map(([from, to]) => certificate({ valid: [from!, to!] }));
  const [first, second, third, last] = chain;
  for (const candidates of [chain, chain.toReversed()]) {
    expect(predecessorOf(last!, candidates)).toBe(third);
    expect(predecessorOf(third!, candidates)).toBe(second);
    expect(predecessorOf(first!, candidates)).toBeUndefined();
    expect(newestOf(candidates)).toBe(last);
  }
});
