import { expect, test } from 'vitest';
import { readCertificate } from './certificate.ts';
import { oid, sequence, tlv } from './der-writer.ts';
import { DerReader, TAG } from './der-reader.ts';
import { fixtureDer } from './fixtures.ts';
import { createKeystore, listKeystoreEntries } from './keystore.ts';
import { readPkcs12 } from './pkcs12.ts';
import { readPrivateKey } from './private-key.ts';
import { publicKeyBitsOf } from './public-key-bits.ts';

const key = readPrivateKey(fixtureDer('leaf.key'), 'pkcs8');

/** RFC 4055 section 1.2: "implementations MUST accept the parameters being absent as well as present". */
function withoutNull(certificate: Uint8Array): Buffer {
  const outer = new DerReader(certificate, 'certificate').enter(TAG.sequence);
  const tbs = outer.enter(TAG.sequence);
  const parts: Uint8Array[] = [];
  while (!tbs.done) parts.push(tbs.next().raw());
  const info = new DerReader(parts[6]!, 'public key').enter(TAG.sequence);
  info.next(TAG.sequence);
  parts[6] = sequence(sequence(oid('1.2.840.113549.1.1.1')), info.next(TAG.bitString).raw());
  const rest: Uint8Array[] = [];
  while (!outer.done) rest.push(outer.next().raw());
  return sequence(sequence(...parts), ...rest);
}

test('a key is found by its bits, however its certificate writes the algorithm', () => {
  const plain = fixtureDer('leaf.pem');
  const bare = withoutNull(plain);
  expect(readCertificate(bare).publicKeySha256).not.toBe(key.publicKeySha256);
  expect([publicKeyBitsOf(plain), publicKeyBitsOf(bare)]).toEqual([key.publicKeyBitsSha256, key.publicKeyBitsSha256]);
  expect(publicKeyBitsOf(fixtureDer('root.pem'))).not.toBe(key.publicKeyBitsSha256);
  for (const name of ['ec', 'ed25519']) {
    const own = readPrivateKey(fixtureDer(`${name}.key`), 'pkcs8');
    expect(publicKeyBitsOf(fixtureDer(`${name}.pem`))).toBe(own.publicKeyBitsSha256);
  }
});

test('a keystore pairs such a key with its certificate', () => {
  const certificate = withoutNull(fixtureDer('leaf.pem'));
  const entries = [{ alias: 'web', certificates: [certificate], privateKey: key.pkcs8 }];
  const file = readPkcs12(createKeystore({ type: 'pkcs12', password: 'p', entries }), 'p');
  expect(listKeystoreEntries(file)).toMatchObject([{ alias: 'web', certificates: [certificate] }]);
});

test('of an empty BIT STRING there are bits too: it fits nothing', () => {
  const tbs = sequence(
    tlv(TAG.integer, Buffer.of(1)),
    ...Array.from({ length: 4 }, () => sequence()),
    sequence(sequence(oid('1.2.840.10045.2.1')), tlv(TAG.bitString)),
  );
  expect(publicKeyBitsOf(sequence(tbs))).toMatch(/^[0-9a-f]{64}$/);
});
