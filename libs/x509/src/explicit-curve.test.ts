import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { CURVES } from './algorithms.ts';
import { readCertificate, readSubjectPublicKey } from './certificate.ts';
import { handMade } from './fixtures.ts';

function spkiOf(namedCurve: string): Buffer {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve, paramEncoding: 'explicit' });
  return publicKey.export({ format: 'der', type: 'spki' });
}

/** The same bytes with one part in the place of another of its length. */
function changed(spki: Buffer, from: string, to: string): Buffer {
  const [before, ...after] = spki.toString('hex').split(from);
  expect([from.length, after.length]).toEqual([to.length, 1]);
  return Buffer.from(before! + to + after[0]!, 'hex');
}

test('every named curve is known again when it is spelled out', () => {
  const read = [...new Set(Object.values(CURVES).map(({ name }) => name))].filter((name) => {
    const spki = (() => {
      try {
        return spkiOf(name);
      } catch {
        return undefined;
      }
    })();
    if (!spki) return false;
    const facts = readCertificate(handMade({ publicKey: spki }));
    expect([name, facts.oddities.map(({ code }) => code)]).toEqual([name, ['EXPLICIT_CURVE']]);
    const named = Object.values(CURVES).find((curve) => curve.name === name)!;
    expect(facts.keySize).toBe(named.size);
    // WAP's and SM2's names are others for curves of SEC 2, of which the first is taken.
    if (!name.startsWith('wap-')) expect(facts.curve.replace(/^wap-.*$/, name)).toBe(name);
    return true;
  });
  expect(read.length).toBeGreaterThan(70);
});

const G =
  '6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5';
const B = '5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b';
const P = 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff';

test('a curve that is P-256 but for its generator, which is the key itself (CVE-2020-0601)', () => {
  const spki = spkiOf('P-256');
  const forged = changed(spki, G, spki.subarray(-64).toString('hex'));
  const { curve, keySize, oddities } = readCertificate(handMade({ publicKey: forged }));
  expect([curve, keySize]).toEqual(['', 256]);
  expect(oddities).toEqual([
    {
      code: 'UNKNOWN_CURVE',
      message:
        'Its key spells out the parameters of a curve that is P-256 but for its generator (as in CVE-2020-0601): do not trust what it signs.',
    },
  ]);
});

test('a curve that differs otherwise, and one that is like none', () => {
  const messages = (publicKey: Buffer) =>
    readCertificate(handMade({ publicKey })).oddities.map(({ code, message }) => `${code} ${message}`);
  const spki = spkiOf('P-256');
  expect(messages(changed(spki, B, B.replace(/.$/, 'a')))).toEqual([
    expect.stringContaining('P-256 but for its b (as'),
  ]);
  expect(messages(changed(spki, P, P.replace(/.$/, 'd')))).toEqual([
    'UNKNOWN_CURVE Its key spells out the parameters of a curve that is none of the named ones: do not trust what it signs.',
  ]);
});

test('a compressed generator is the same', () => {
  const hex = spkiOf('P-256').toString('hex');
  const at = hex.indexOf(`044104${G}`);
  const shorter = hex.slice(0, at) + `042103${G.slice(0, 64)}` + hex.slice(at + 134);
  // The lengths of what is around it: SubjectPublicKeyInfo, algorithm, parameters.
  const fixed = shorter.replace(/^3082014b30820103/, '3082012a3081e3').replace('3081f7020101', '3081d7020101');
  const spki = Buffer.from(fixed, 'hex');
  expect(readSubjectPublicKey(spki)).toEqual({ keyAlgorithm: 'EC', keySize: 256, curve: 'P-256' });
});

test('malformed parameters leave the algorithm', () => {
  const spki = spkiOf('P-256');
  const publicKey = changed(spki, '06072a8648ce3d0101', '05072a8648ce3d0101');
  const { keyAlgorithm, keySize, oddities } = readCertificate(handMade({ publicKey }));
  expect([keyAlgorithm, keySize, oddities.map(({ code }) => code)]).toEqual(['EC', 0, ['ODD_ENCODING']]);
});
