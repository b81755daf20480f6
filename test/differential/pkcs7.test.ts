import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram } from '@certferry/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { context, TAG } from '../../libs/x509/src/der-reader.ts';
import { integer, oid, sequence, setOf, tlv } from '../../libs/x509/src/der-writer.ts';
import { openContainer } from '../../libs/parser/src/open-container.ts';
import { makeMaterial, run, written, type Material } from './material.ts';

let material: Material;
beforeAll(async () => void (material = await makeMaterial()));

const MESSAGES = {
  enveloped: /^This PKCS#7 is enveloped data, not signed data: decrypt it with the key of a recipient/,
  encrypted: /^This PKCS#7 is encrypted data, not signed data: decrypt it/,
  digested: /^This PKCS#7 is digested data, not signed data: import the file/,
  data: /^This PKCS#7 is plain data, not signed data: import the file/,
};

describe.skipIf(!hasProgram('openssl'))(
  'PKCS#7 that OpenSSL writes and that is not signed data is refused by name',
  () => {
    const secret = ['-secretkey', '000102030405060708090A0B0C0D0E0F', '-aes128'];
    const ways: [keyof typeof MESSAGES, string, (leaf: string) => string[]][] = [
      ['enveloped', 'cms', (leaf) => ['-encrypt', leaf]],
      ['enveloped', 'cms', (leaf) => ['-encrypt', '-stream', leaf]],
      ['encrypted', 'cms', () => ['-EncryptedData_encrypt', ...secret]],
      ['digested', 'cms', () => ['-digest_create']],
      ['data', 'cms', () => ['-data_create']],
    ];
    const cases = ways.flatMap(([name, program, options]) =>
      ['DER', 'PEM'].map((form) => [name, form, program, options] as const),
    );

    test.each(cases)('%s, %s, by %s', (name, form, program, options) => {
      const input = join(material.folder, 'message.txt');
      writeFileSync(input, 'hello');
      const out = join(material.folder, 'message.p7m');
      const content = written(
        out,
        'openssl',
        program,
        ...['-in', input, '-outform', form, '-out', out],
        ...options(material.leaf),
      );
      expect(() => openContainer(content, {})).toThrow(
        expect.objectContaining({
          reason: 'UNSUPPORTED_CONTENT',
          message: expect.stringMatching(MESSAGES[name]) as string,
        }),
      );
    });

    test('signed and enveloped data: what it advises gives the certificates', () => {
      const [data, signedAndEnveloped] = ['1.2.840.113549.1.7.1', '1.2.840.113549.1.7.4'].map(oid) as [Buffer, Buffer];
      const cipher = sequence(oid('2.16.840.1.101.3.4.1.2'), tlv(TAG.octetString, Buffer.alloc(16)));
      const encrypted = sequence(data, cipher, tlv(context(0, false), Buffer.alloc(16)));
      const certificates = tlv(context(0), ...material.certificates);
      const inner = sequence(integer(1), setOf(), setOf(), encrypted, certificates, setOf());
      const path = join(material.folder, 'signed-and-enveloped.p7m');
      const content = sequence(signedAndEnveloped, tlv(context(0), inner));
      writeFileSync(path, content);
      expect(() => openContainer(content, {})).toThrow(/is signed and enveloped data, .*openssl pkcs7 -print_certs/);
      const out = Buffer.from(run('openssl', 'pkcs7', '-print_certs', '-inform', 'DER', '-in', path));
      expect(openContainer(out, {}).certificates.map(({ facts }) => facts.fingerprintSha256)).toEqual(
        material.fingerprints,
      );
    });

    test('signed data without a certificate says that there is none', () => {
      const out = join(material.folder, 'bare.p7s');
      const input = join(material.folder, 'message.txt');
      writeFileSync(input, 'hello');
      const files = ['-signer', material.leaf, '-inkey', material.key, '-in', input, '-out', out];
      for (const form of ['DER', 'PEM']) {
        const content = written(out, 'openssl', 'cms', '-sign', '-nocerts', '-outform', form, ...files);
        const { certificates, notices } = openContainer(content, {});
        expect(certificates).toEqual([]);
        expect(notices).toEqual(['The PKCS#7 is signed data without certificates.']);
      }
    });
  },
);
