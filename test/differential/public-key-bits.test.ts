import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, temporaryFolder } from '@certferry/testing';
import { publicKeyBitsOf, readCertificate, readPem, readPrivateKey } from '@certferry/x509';
import { describe, expect, test } from 'vitest';
import { openContainer } from '../../libs/parser/src/open-container.ts';

describe.skipIf(!hasProgram('openssl'))('by OpenSSL', () => {
  test.each(['P-256', 'P-521'])('a compressed point of %s is the same key', (curve) => {
    const folder = temporaryFolder('compressed');
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const der = (name: string) => readPem(readFileSync(join(folder, name)))[0]!.bytes!;
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-out', 'a.key');
    openssl('ec', '-in', 'a.key', '-conv_form', 'compressed', '-out', 'compressed.key');
    openssl('req', '-x509', '-new', '-key', 'compressed.key', '-subj', '/CN=c', '-out', 'compressed.crt');
    openssl('req', '-x509', '-new', '-key', 'a.key', '-subj', '/CN=c', '-out', 'whole.crt');
    const bits = readPrivateKey(der('a.key'), 'pkcs8').publicKeyBitsSha256;
    expect(publicKeyBitsOf(der('whole.crt'))).toBe(bits);
    expect(publicKeyBitsOf(der('compressed.crt'))).toBe(bits);
    expect(readCertificate(der('compressed.crt')).publicKeySha256).not.toBe(
      readCertificate(der('whole.crt')).publicKeySha256,
    );
    for (const key of ['a.key', 'compressed.key']) {
      const file = Buffer.concat(['compressed.crt', key].map((name) => readFileSync(join(folder, name))));
      expect(openContainer(file, {})).toMatchObject({ failures: [], certificates: [{ key: 0 }], keys: [{}] });
    }
  });
});
