import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isSignedBy, readCertificate, readSubjectPublicKey } from './certificate.ts';
import { DerReader, TAG } from './der-reader.ts';
import { integer, oid, sequence, setOf, tlv } from './der-writer.ts';
import { readPrivateKey } from './private-key.ts';

const name = sequence(setOf(sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from('future')))));
const times = sequence(tlv(0x17, Buffer.from('250101000000Z')), tlv(0x18, Buffer.from('20491231235959Z')));
const bitString = (bytes: Uint8Array) => tlv(0x03, Buffer.concat([Buffer.of(0), bytes]));

/** Self-signed with an algorithm whose signature has the key's identifier, as all the newer ones do. */
function selfSigned({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): Buffer {
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const algorithm = sequence(oid(new DerReader(spki, 'key').enter(TAG.sequence).enter(TAG.sequence).oid()));
  const tbs = sequence(tlv(0xa0, integer(2)), integer(1), algorithm, name, times, name, spki);
  return sequence(tbs, algorithm, bitString(sign(null, tbs, privateKey)));
}

describe('signature keys that node:crypto makes', () => {
  test.each([
    ['ml-dsa-44', 'ML-DSA-44'],
    ['ml-dsa-65', 'ML-DSA-65'],
    ['ml-dsa-87', 'ML-DSA-87'],
    ['slh-dsa-sha2-128f', 'SLH-DSA-SHA2-128f'],
    ['slh-dsa-shake-128s', 'SLH-DSA-SHAKE-128s'],
    ['ed25519', 'Ed25519'],
    ['ed448', 'Ed448'],
  ])('%s', (type, expected) => {
    const keys = generateKeyPairSync(type as 'ed25519');
    const der = selfSigned(keys);
    expect(readCertificate(der)).toMatchObject({
      keyAlgorithm: expected,
      signatureAlgorithm: expected,
      selfIssued: true,
    });
    expect(isSignedBy(der, der)).toBe(true);
    const key = readPrivateKey(keys.privateKey.export({ format: 'der', type: 'pkcs8' }), 'pkcs8');
    expect(key).toMatchObject({ algorithm: expected, publicKeySha256: readCertificate(der).publicKeySha256 });
  });
});

test.each([
  ['2.16.840.1.101.3.4.3.31', 'SLH-DSA-SHAKE-256f'],
  ['2.16.840.1.101.3.4.3.32', 'HashML-DSA-44-SHA512'],
  ['2.16.840.1.101.3.4.3.46', 'HashSLH-DSA-SHAKE-256f-SHAKE256'],
  ['2.16.840.1.101.3.4.4.2', 'ML-KEM-768'],
  ['1.3.6.1.5.5.7.6.37', 'MLDSA44-RSA2048-PSS-SHA256'],
  ['1.3.6.1.5.5.7.6.45', 'MLDSA65-ECDSA-P256-SHA512'],
  ['1.3.6.1.5.5.7.6.54', 'MLDSA87-ECDSA-P521-SHA512'],
  ['1.3.6.1.5.5.7.6.55', 'MLKEM768-RSA2048-SHA3-256'],
  ['1.3.6.1.5.5.7.6.66', 'MLKEM1024-ECDH-P521-SHA3-256'],
  ['1.2.3.4', '1.2.3.4'],
])('a key of %s is called %s', (id, expected) => {
  const spki = sequence(sequence(oid(id)), bitString(Buffer.alloc(8)));
  expect(readSubjectPublicKey(spki).keyAlgorithm).toBe(expected);
});
