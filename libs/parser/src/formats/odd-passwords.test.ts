import { createHash } from 'node:crypto';
import { createKeystore } from '@certferry/x509';
import { makeCertificate } from '@certferry/testing';
import { expect, test } from 'vitest';
import { integer, octetString, oid, sequence } from '@certferry/x509/der-writer';
import { openContainer } from '../open-container.ts';

const { der, keyDer } = await makeCertificate({ commonName: 'web' });

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([Buffer.of(0, value.length), Buffer.from(value)]);
const block = (bytes: Uint8Array): Buffer => Buffer.concat([int(bytes.length), bytes]);
const utf16 = (value: string): Buffer => Buffer.from(value, 'utf16le').swap16();

/** A JCEKS under "changeit" whose only key is these bytes, encrypted under a password that nobody knows. */
function jceks(encrypted: Buffer): Buffer {
  const parameters = sequence(octetString(Buffer.from('12345678')), integer(1));
  const sealed = sequence(sequence(oid('1.3.6.1.4.1.42.2.19.1'), parameters), octetString(encrypted));
  const head = Buffer.concat([int(0xcececece), int(2), int(1), int(1), text('web'), Buffer.alloc(8)]);
  const content = Buffer.concat([head, block(sealed), int(1), text('X.509'), block(der)]);
  const digest = createHash('sha1').update(utf16('changeit')).update('Mighty Aphrodite').update(content).digest();
  return Buffer.concat([content, digest]);
}

test('a JCEKS key of another password is said, also where the wrong one leaves padding that looks right', () => {
  for (let i = 0; i < 1_000; i++) {
    const encrypted = Buffer.alloc(16);
    encrypted.writeUInt32BE(i, 4);
    const { certificates, notices } = openContainer(jceks(encrypted), { password: 'changeit' });
    expect([certificates.length, notices]).toEqual([
      1,
      ['The key "web" has a password of its own, send it as key password; only its certificates were read.'],
    ]);
  }
});

test('an empty password before the right one does not list a keystore without its keys', () => {
  const entries = [{ alias: 'web', certificates: [der], privateKey: keyDer }];
  const content = createKeystore({ type: 'jks', password: 'changeit', entries });
  for (const passwords of [{ password: '', passwords: ['changeit'] }, { passwords: ['', 'changeit'] }])
    expect(openContainer(content, passwords)).toMatchObject({ keys: [{ alias: 'web' }], notices: [] });
});
