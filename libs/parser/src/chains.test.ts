import { makeCertificate, makeChain, type TestCertificate } from '@certferry/testing';
import { orderChains, readCertificate, type CertificateFacts } from '@certferry/x509';
import { describe, expect, test } from 'vitest';
import type { Container } from './container.ts';
import { openContainer } from './open-container.ts';

const open = (...parts: string[]): Container => openContainer(Buffer.from(parts.join('')), {});
/** Chains by the names of their certificates. */
const chainsOf = (container: Container) =>
  container.chains.map(({ certificates, crossSigned }) => ({
    chain: certificates.map((position) => container.certificates[position]!.facts.commonName),
    crossSigned: crossSigned.map((position) => container.certificates[position]!.facts.commonName),
  }));

describe('chains', () => {
  test('in whatever order the certificates come, the chain goes from the leaf to the root', async () => {
    const { root, intermediate, leaf } = await makeChain('web');
    for (const parts of [
      [root, intermediate, leaf],
      [intermediate, leaf, root],
      [leaf, root, intermediate],
    ]) {
      const container = open(...parts.map((one) => one.pem));
      expect(chainsOf(container)).toEqual([{ chain: ['web', 'Issuer of web', 'Root of web'], crossSigned: [] }]);
      expect(container.notices).toEqual([]);
    }
  });

  test('the leaf is the one with the key, also when it issued another', async () => {
    const { root, intermediate, leaf } = await makeChain('web');
    const container = open(leaf.pem, root.pem, intermediate.pem, intermediate.keyPem);
    expect(chainsOf(container).map(({ chain }) => chain)).toEqual([
      ['Issuer of web', 'Root of web'],
      ['web', 'Issuer of web', 'Root of web'],
    ]);
  });

  test('a name alone makes no issuer: the signature has to be its key’s', async () => {
    const { root, leaf } = await makeChain('web');
    const impostor = await makeCertificate({ commonName: 'Issuer of web', ca: true, issuer: root });
    expect(chainsOf(open(leaf.pem, impostor.pem, root.pem)).map(({ chain }) => chain)).toEqual([
      ['web'],
      ['Issuer of web', 'Root of web'],
    ]);
  });

  test('a cross-signed issuer is kept; the chain goes over the one that leads to a root', async () => {
    const { root, intermediate, leaf } = await makeChain('web');
    const absent = await makeCertificate({ commonName: 'absent root', ca: true });
    const later = new Date('2039-01-01T00:00:00Z');
    const crossed = await makeCertificate({
      commonName: 'Issuer of web',
      ca: true,
      issuer: absent,
      sameKeyAs: intermediate,
      notAfter: later,
    });
    const container = open(crossed.pem, root.pem, intermediate.pem, leaf.pem);
    expect(chainsOf(container)).toEqual([
      { chain: ['web', 'Issuer of web', 'Root of web'], crossSigned: ['Issuer of web'] },
    ]);
    expect(container.chains[0]).toEqual({ certificates: [3, 2, 1], crossSigned: [0] });
    const withBoth = open(absent.pem, crossed.pem, root.pem, intermediate.pem, leaf.pem);
    expect(withBoth.chains[0]).toEqual({ certificates: [4, 1, 0], crossSigned: [3] });
  });

  test('a root that its key signed twice does not run in a circle', async () => {
    const a = await makeCertificate({ commonName: 'A', ca: true });
    const b = await makeCertificate({ commonName: 'B', ca: true });
    const aByB = await makeCertificate({ commonName: 'A', ca: true, issuer: b, sameKeyAs: a });
    const bByA = await makeCertificate({ commonName: 'B', ca: true, issuer: a, sameKeyAs: b });
    const leaf = await makeCertificate({ commonName: 'leaf', issuer: a });
    const circle = chainsOf(open(aByB.pem, bByA.pem, leaf.pem));
    expect(circle).toEqual([{ chain: ['leaf', 'A', 'B'], crossSigned: [] }]);
  });

  test('an issuer comes once in a chain, whichever of its certificates it is', async () => {
    const a = await makeCertificate({ commonName: 'A', ca: true });
    const b = await makeCertificate({ commonName: 'B', ca: true });
    const aByB = () => makeCertificate({ commonName: 'A', ca: true, issuer: b, sameKeyAs: a });
    const bByA = await makeCertificate({ commonName: 'B', ca: true, issuer: a, sameKeyAs: b });
    const container = open((await aByB()).pem, (await aByB()).pem, bByA.pem, b.keyPem);
    expect(chainsOf(container)).toEqual([{ chain: ['B', 'A'], crossSigned: ['A'] }]);
  });

  const withFacts = ({ der }: TestCertificate, facts: Partial<CertificateFacts> = {}) => ({
    der,
    facts: { ...readCertificate(der), ...facts },
    hasKey: false,
  });

  test('of an issuer whose certificates have two key identifiers the one that leads to a root goes first', async () => {
    const { root, intermediate, leaf } = await makeChain('web');
    const absent = await makeCertificate({ commonName: 'absent root', ca: true });
    const notAfter = new Date('2039-01-01T00:00:00Z');
    const commonName = 'Issuer of web';
    const crossed = await makeCertificate({ commonName, ca: true, issuer: absent, sameKeyAs: intermediate, notAfter });
    const list = [
      withFacts(crossed, { subjectKeyIdentifier: 'another' }),
      withFacts(leaf, { authorityKeyIdentifier: '' }),
      withFacts(intermediate),
      withFacts(root),
    ];
    expect(orderChains(list).chains).toEqual([{ certificates: [1, 2, 3], crossSigned: [0] }]);
  });

  test('a root that writes its two names in different ways is no issuer of itself', async () => {
    const root = await makeCertificate({ commonName: 'root', ca: true });
    const other = await makeCertificate({ commonName: 'other', ca: true });
    expect(orderChains([withFacts(root, { selfIssued: false }), withFacts(other)]).chains).toEqual([
      { certificates: [0], crossSigned: [] },
      { certificates: [1], crossSigned: [] },
    ]);
  });
});

describe('what is ambiguous is said', () => {
  const names = (container: Container, at: TestCertificate) =>
    container.certificates.findIndex((one) => Buffer.compare(one.der, at.der) === 0);

  test('a key that fits two certificates, as after a renewal', async () => {
    const { intermediate, leaf } = await makeChain('web');
    const renewed = await makeCertificate({ commonName: 'web', issuer: intermediate, sameKeyAs: leaf });
    const container = open(leaf.keyPem, leaf.pem, renewed.pem, intermediate.pem);
    expect(container.certificates.filter((one) => one.key === 0).length).toBe(2);
    expect(container.notices).toEqual(['One private key fits the certificates 1 and 2: each of them has it.']);
    expect(container.chains.map(({ certificates }) => certificates[0])).toEqual([
      names(container, leaf),
      names(container, renewed),
    ]);
  });

  test('an issuer with more certificates than are named', async () => {
    const { intermediate, leaf, root } = await makeChain('web');
    const again = () =>
      makeCertificate({ commonName: 'Issuer of web', ca: true, issuer: root, sameKeyAs: intermediate });
    const others = await Promise.all(Array.from({ length: 21 }, again));
    const container = open(leaf.pem, intermediate.pem, ...others.map(({ pem }) => pem));
    expect(container.chains[0]!.crossSigned).toHaveLength(20);
    expect(container.notices).toEqual([
      'An issuer has more than 20 further certificates: the first of them are named.',
    ]);
    const fewer = open(leaf.pem, intermediate.pem, ...others.slice(1).map(({ pem }) => pem));
    expect(fewer.chains[0]!.crossSigned).toHaveLength(20);
    expect(fewer.notices).toEqual([]);
  });

  test('two leaves without a key; the same one twice is none', async () => {
    const { intermediate, leaf } = await makeChain('web');
    const other = await makeCertificate({ commonName: 'other', issuer: intermediate });
    expect(open(leaf.pem, intermediate.pem, other.pem).notices).toEqual([
      'Without a private key nothing says which is the leaf: each of 0 and 2 begins a chain.',
    ]);
    const twice = open(leaf.pem, intermediate.pem, leaf.pem, intermediate.pem);
    expect(twice.notices).toEqual([]);
    expect(twice.chains).toEqual([{ certificates: [0, 1], crossSigned: [] }]);
  });
});
