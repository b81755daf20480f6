import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificate, readPem, type CertificateFacts } from '@certferry/x509';
import { hasProgram, temporaryFolder } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { run } from './material.ts';

const has = hasProgram('openssl');
const folder = temporaryFolder('facts');
const factsOf = (path: string): CertificateFacts => readCertificate(readPem(readFileSync(path))[0]!.bytes!);

function selfSigned(...options: string[]): string {
  const path = join(folder, 'certificate.pem');
  const key = join(folder, 'key.pem');
  run(
    'openssl',
    'req',
    '-x509',
    '-nodes',
    '-keyout',
    key,
    '-out',
    path,
    '-days',
    '30',
    '-subj',
    '/CN=test',
    ...options,
  );
  return path;
}

const curves = has
  ? [...run('openssl', 'ecparam', '-list_curves').matchAll(/^ {2}(\S+?) *:/gm)].map(([, name]) => name!)
  : [];
/** What NIST calls the curves that OpenSSL names after X9.62 and SEC 2, and X9.62 one that OpenSSL writes differently. */
const NAMES: Record<string, string> = {
  c2pnb176v1: 'c2pnb176w1',
  prime192v1: 'P-192',
  secp224r1: 'P-224',
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

describe.skipIf(!has)('facts as OpenSSL has them', () => {
  test('every named curve that OpenSSL makes a key of', () => {
    const read: string[] = [];
    for (const curve of curves) {
      // Two of IKE's groups, which have no identifier.
      if (curve.startsWith('Oakley')) continue;
      const facts = factsOf(selfSigned('-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`));
      const bits = Number(
        /Public-Key: \((\d+) bit\)/.exec(
          run('openssl', 'x509', '-in', join(folder, 'certificate.pem'), '-noout', '-text'),
        )![1],
      );
      expect([facts.curve, facts.keyAlgorithm]).toEqual([NAMES[curve] ?? curve, 'EC']);
      // OpenSSL counts the bits of the order, which is smaller than the field by the cofactor.
      expect(Math.abs(facts.keySize - bits)).toBeLessThanOrEqual(curve.startsWith('c2') ? 17 : 6);
      read.push(curve);
    }
    console.log(`curves: ${read.length} of the ${curves.length} that OpenSSL lists`);
    expect(read.length).toBeGreaterThan(75);
  });

  test.each([
    ['sha256', 32],
    ['sha384', 20],
    ['sha512', 0],
  ])('RSASSA-PSS signatures: %s, salt %i', (digest, salt) => {
    const options = ['rsa_padding_mode:pss', `rsa_pss_saltlen:${salt}`].flatMap((option) => ['-sigopt', option]);
    const path = selfSigned('-newkey', 'rsa:2048', `-${digest}`, ...options);
    const facts = factsOf(path);
    expect(facts).toMatchObject({
      signatureAlgorithm: 'rsassaPss',
      signaturePss: { digest, maskDigest: digest, saltLength: salt },
      keyAlgorithm: 'RSA',
    });
    expect(facts.keyPss).toBeUndefined();
    const text = run('openssl', 'x509', '-in', path, '-noout', '-text');
    expect(text).toContain(`Hash Algorithm: ${digest}`);
    expect(Number(/Salt Length: 0x([0-9A-F]+)/i.exec(text)![1]!.replace(/^/, '0x'))).toBe(salt);
  });

  test('an RSASSA-PSS key that is restricted', () => {
    const key = join(folder, 'pss.key');
    const limits = [
      'rsa_keygen_bits:2048',
      'rsa_pss_keygen_md:sha256',
      'rsa_pss_keygen_mgf1_md:sha384',
      'rsa_pss_keygen_saltlen:32',
    ];
    run('openssl', 'genpkey', '-algorithm', 'RSA-PSS', '-out', key, ...limits.flatMap((limit) => ['-pkeyopt', limit]));
    const path = join(folder, 'pss.pem');
    run('openssl', 'req', '-x509', '-key', key, '-out', path, '-subj', '/CN=pss');
    const details = new X509Certificate(readFileSync(path)).publicKey.asymmetricKeyDetails!;
    const { keyPss, ...facts } = factsOf(path);
    expect(facts).toMatchObject({ keyAlgorithm: 'RSA-PSS', keySize: 2048 });
    expect(keyPss).toEqual({ digest: 'sha256', maskDigest: 'sha384', saltLength: 32 });
    expect(details).toMatchObject({ hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha384', saltLength: 32 });
  });

  test.each(['P-224', 'P-256', 'P-384', 'secp256k1', 'brainpoolP320r1', 'sect283k1'])(
    'a key that spells %s out has its size and is found',
    (curve) => {
      const options = [`ec_paramgen_curve:${curve}`, 'ec_param_enc:explicit'].flatMap((one) => ['-pkeyopt', one]);
      const path = selfSigned('-newkey', 'ec', ...options);
      const text = run('openssl', 'x509', '-in', path, '-noout', '-text');
      const { oddities, keySize, curve: found } = factsOf(path);
      expect([found, oddities.map(({ code }) => code)]).toEqual([curve, ['EXPLICIT_CURVE']]);
      expect(text).toMatch(/Field Type/);
      // OpenSSL counts the bits of the order: a binary curve's cofactor is missing.
      expect(Math.abs(keySize - Number(/Public-Key: \((\d+) bit\)/.exec(text)![1]))).toBeLessThanOrEqual(2);
    },
  );

  test.each(['group:ffdhe2048', 'dh_rfc5114:1'])('a Diffie-Hellman key of %s has its size', (group) => {
    const [key, publicKey, path] = ['dh.key', 'dh.pub', 'dh.pem'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    run('openssl', 'genpkey', '-algorithm', group.startsWith('group') ? 'DH' : 'DHX', '-pkeyopt', group, '-out', key);
    run('openssl', 'pkey', '-in', key, '-pubout', '-out', publicKey);
    const issuer = selfSigned('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256');
    const signer = ['-CA', issuer, '-CAkey', join(folder, 'key.pem')];
    run('openssl', 'x509', '-new', '-subj', '/CN=dh', '-force_pubkey', publicKey, ...signer, '-out', path);
    const text = run('openssl', 'x509', '-in', path, '-noout', '-text');
    const bits = Number(/Public-Key: \((\d+) bit\)/.exec(text)![1]);
    expect(bits).toBeGreaterThan(0);
    expect(factsOf(path)).toMatchObject({ keyAlgorithm: 'DH', keySize: bits });
  });

  test('names: OpenSSL’s RFC 2253 form is the same text', () => {
    const subjects = [
      '/C=CH/O=Acme, "Inc."+OU=a\\+b/CN=web#1',
      '/DC=org/DC=example/UID=7/CN= lead',
      '/CN=trail /emailAddress=a@b.c',
      '/CN=Zürich;<x>',
      '/CN=#hash/serialNumber=1',
    ];
    for (const subject of subjects) {
      const path = selfSigned(
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-utf8',
        '-multivalue-rdn',
        '-subj',
        subject,
      );
      const options = 'RFC2253,-esc_msb,utf8';
      const theirs = run('openssl', 'x509', '-in', path, '-noout', '-subject', '-nameopt', options)
        .replace(/\n$/, '')
        .slice('subject='.length);
      expect(factsOf(path).subject).toBe(theirs);
    }
  });
});
