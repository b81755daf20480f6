import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, temporaryFolder } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { openContainer } from '../open-container.ts';

const folder = temporaryFolder('keystores');
/** Debian's libbcprov-java. */
const PROVIDER = '/usr/share/java/bcprov.jar';
const provider = [
  '-J-Dorg.bouncycastle.bks.enable_v1=true',
  '-providerclass',
  'org.bouncycastle.jce.provider.BouncyCastleProvider',
  '-providerpath',
  PROVIDER,
];
const root = new URL('../../../x509/fixtures/root.pem', import.meta.url).pathname;

let made = 0;
/** A keystore with the key "web" and, where its type takes them, the trusted certificate "acme". */
async function makeStore(type: string, ...options: string[]): Promise<Buffer> {
  const path = join(folder, `store-${made++}`);
  const { pem, keyPem } = await makeCertificate({ commonName: 'web' });
  writeFileSync(join(folder, 'web.pem'), pem + keyPem);
  const p12 = join(folder, 'web.p12');
  const files = ['-in', join(folder, 'web.pem'), '-name', 'web', '-out', p12];
  execFileSync('openssl', ['pkcs12', '-export', ...files, '-passout', 'pass:changeit'], { stdio: 'pipe' });
  const keytool = (...args: string[]) => execFileSync('keytool', [...args, ...options, '-noprompt'], { stdio: 'pipe' });
  const from = ['-srckeystore', p12, '-srcstoretype', 'PKCS12', '-srcstorepass', 'changeit'];
  keytool('-importkeystore', ...from, '-destkeystore', path, '-deststoretype', type, '-deststorepass', 'changeit');
  const store = ['-keystore', path, '-storetype', type, '-storepass', 'changeit'];
  keytool('-importcert', '-alias', 'acme', '-file', root, ...store);
  return readFileSync(path);
}

const found = (content: Uint8Array, password?: string) => {
  const { format, certificates, notices } = openContainer(content, { password });
  const names = certificates.map(({ alias, facts, key, trusted }) => [
    alias,
    facts.commonName,
    key !== undefined,
    trusted,
  ]);
  return { format, names: names.toSorted(), notices };
};
const all = (hasKey: boolean) => [
  ['acme', 'Acme Root', false, true],
  ['web', 'web', hasKey, false],
];

const hasProvider = hasProgram('keytool') && hasProgram('openssl') && existsSync(PROVIDER);

describe.each([
  ['JKS', 'JKS', 'Java keystore'],
  ['JCEKS', 'JCEKS', 'Java keystore'],
  ['BKS', 'BKS', 'BouncyCastle keystore'],
  ['BKS-V1', 'BKS', 'BouncyCastle keystore'],
])('%s', (type, format, what) => {
  const isThere = type.startsWith('BKS') ? hasProvider : hasProgram('keytool') && hasProgram('openssl');
  test.skipIf(!isThere)('with its password, without one, and with bytes behind its end', async () => {
    const content = await makeStore(type, ...(type.startsWith('BKS') ? provider : []));
    expect(found(content, 'changeit')).toEqual({ format, names: all(true), notices: [] });
    const unopened = [
      `The integrity of the ${what} was not checked, since it was opened without its password.`,
      'The key "web" was left out, since no password was given; only its certificates were read.',
    ];
    for (const password of [undefined, ''])
      expect(found(content, password)).toEqual({ format, names: all(false), notices: unopened });
    expect(() => found(content, 'wrong')).toThrow(`The password does not open the ${what}.`);
    for (const behind of [1, 9])
      expect(found(Buffer.concat([content, Buffer.alloc(behind)]), 'changeit')).toEqual({
        format,
        names: all(true),
        notices: [`${behind} ${behind === 1 ? 'byte' : 'bytes'} behind the end of the ${what}: passed over.`],
      });
    for (const length of [30, 100, 500, content.length - 1])
      expect(() => found(content.subarray(0, length), 'changeit')).toThrow();
    const changed = Buffer.from(content);
    changed[content.length - 25]! ^= 1;
    expect(() => found(changed, 'changeit')).toThrow();
  });
});

describe.skipIf(!hasProvider)('what BouncyCastle encrypts as a whole', () => {
  test.each(['UBER', 'BCFKS'])('%s is refused by name', async (type) => {
    const content = await makeStore(type, ...provider);
    expect(() => found(content, 'changeit')).toThrow(
      `This is a BouncyCastle keystore of type ${type}, which is not supported: convert it with keytool -importkeystore -srcstoretype ${type} -deststoretype PKCS12.`,
    );
  });
});
