import { KEY_ALGORITHMS } from './algorithms.ts';
import { unsupportedAlgorithm, type X509Error } from './x509-error.ts';

/** Digests by the names of node:crypto. */
export type Digest =
  | 'md5'
  | 'sha1'
  | 'sha224'
  | 'sha256'
  | 'sha384'
  | 'sha512'
  | 'sha512-224'
  | 'sha512-256'
  | 'sha3-224'
  | 'sha3-256'
  | 'sha3-384'
  | 'sha3-512';

/** Digests by object identifier: RFC 3279, RFC 5754, NIST's register. */
export const DIGEST_OIDS: Record<string, Digest> = {
  '1.2.840.113549.2.5': 'md5',
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '2.16.840.1.101.3.4.2.5': 'sha512-224',
  '2.16.840.1.101.3.4.2.6': 'sha512-256',
  '2.16.840.1.101.3.4.2.7': 'sha3-224',
  '2.16.840.1.101.3.4.2.8': 'sha3-256',
  '2.16.840.1.101.3.4.2.9': 'sha3-384',
  '2.16.840.1.101.3.4.2.10': 'sha3-512',
};

/** HMACs by object identifier: RFC 8018 appendix B.1, RFC 4231, IANA's for MD5, NIST's register for SHA-3. */
export const HMAC_OIDS: Record<string, Digest> = {
  '1.3.6.1.5.5.8.1.1': 'md5',
  '1.3.6.1.5.5.8.1.2': 'sha1',
  '1.2.840.113549.2.6': 'md5',
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
  '1.2.840.113549.2.12': 'sha512-224',
  '1.2.840.113549.2.13': 'sha512-256',
  '2.16.840.1.101.3.4.2.13': 'sha3-224',
  '2.16.840.1.101.3.4.2.14': 'sha3-256',
  '2.16.840.1.101.3.4.2.15': 'sha3-384',
  '2.16.840.1.101.3.4.2.16': 'sha3-512',
};

/** Octets that a digest takes at once (FIPS 180-4 figure 1, FIPS 202 table 3): RFC 7292 calls it v. */
export const BLOCK_BYTES: Record<Digest, number> = {
  md5: 64,
  sha1: 64,
  sha224: 64,
  sha256: 64,
  sha384: 128,
  sha512: 128,
  'sha512-224': 128,
  'sha512-256': 128,
  'sha3-224': 144,
  'sha3-256': 136,
  'sha3-384': 104,
  'sha3-512': 72,
};

/** Ciphers of PBES2, key length in bytes. */
export const CIPHER_OIDS: Record<string, { cipher: string; keyLength: number }> = {
  '1.3.14.3.2.7': { cipher: 'des-cbc', keyLength: 8 },
  '1.2.840.113549.3.7': { cipher: 'des-ede3-cbc', keyLength: 24 },
  '2.16.840.1.101.3.4.1.2': { cipher: 'aes-128-cbc', keyLength: 16 },
  '2.16.840.1.101.3.4.1.22': { cipher: 'aes-192-cbc', keyLength: 24 },
  '2.16.840.1.101.3.4.1.42': { cipher: 'aes-256-cbc', keyLength: 32 },
  '1.2.392.200011.61.1.1.1.2': { cipher: 'camellia-128-cbc', keyLength: 16 },
  '1.2.392.200011.61.1.1.1.3': { cipher: 'camellia-192-cbc', keyLength: 24 },
  '1.2.392.200011.61.1.1.1.4': { cipher: 'camellia-256-cbc', keyLength: 32 },
  '1.2.410.200046.1.1.2': { cipher: 'aria-128-cbc', keyLength: 16 },
  '1.2.410.200046.1.1.7': { cipher: 'aria-192-cbc', keyLength: 24 },
  '1.2.410.200046.1.1.12': { cipher: 'aria-256-cbc', keyLength: 32 },
};

/** What is told by name although it is not read. */
const NAMES: Record<string, string> = {
  '1.2.840.113549.1.5.1': 'pbeWithMD2AndDES-CBC',
  '1.2.840.113549.1.5.4': 'pbeWithMD2AndRC2-CBC',
  '1.2.840.113549.1.5.13': 'PBES2',
  '1.2.840.113549.1.5.14': 'PBMAC1',
  '1.2.840.113533.7.66.10': 'CAST5-CBC',
  '1.2.840.113533.7.66.12': 'pbeWithMD5AndCAST5-CBC',
  '1.3.6.1.4.1.3029.1.2': 'Blowfish-CBC',
  '1.3.6.1.4.1.188.7.1.1.2': 'IDEA-CBC',
  '1.3.6.1.4.1.25258.3.3': 'Twofish-CBC',
  '1.2.410.200004.1.4': 'SEED-CBC',
  '1.2.410.200004.1.15': 'pbeWithSHA1AndSEED-CBC',
  '1.2.840.113549.3.4': 'RC4',
  '1.2.840.113549.3.8': 'RC5-CBC',
  '1.2.840.113549.3.9': 'RC5-CBC-Pad',
  '1.2.156.10197.1.104.2': 'SM4-CBC',
  '2.16.840.1.101.3.4.1.1': 'AES-128-ECB',
  '2.16.840.1.101.3.4.1.3': 'AES-128-OFB',
  '2.16.840.1.101.3.4.1.4': 'AES-128-CFB',
  '2.16.840.1.101.3.4.1.5': 'AES-128 key wrap',
  '2.16.840.1.101.3.4.1.6': 'AES-128-GCM',
  '2.16.840.1.101.3.4.1.7': 'AES-128-CCM',
  '2.16.840.1.101.3.4.1.26': 'AES-192-GCM',
  '2.16.840.1.101.3.4.1.41': 'AES-256-ECB',
  '2.16.840.1.101.3.4.1.44': 'AES-256-CFB',
  '2.16.840.1.101.3.4.1.45': 'AES-256 key wrap',
  '2.16.840.1.101.3.4.1.46': 'AES-256-GCM',
  '2.16.840.1.101.3.4.1.47': 'AES-256-CCM',
  '1.2.840.113549.1.9.16.3.18': 'ChaCha20-Poly1305',
  '1.2.643.2.2.9': 'GOST R 34.11-94',
  '1.2.643.2.2.10': 'HMAC with GOST R 34.11-94',
  '1.2.643.2.2.19': 'GOST R 34.10-2001',
  '1.2.643.2.2.20': 'GOST R 34.10-94',
  '1.2.643.2.2.21': 'GOST 28147-89',
  '1.2.643.2.2.98': 'GOST R 34.10-2001 key agreement',
  '1.2.643.7.1.1.1.1': 'GOST R 34.10-2012 (256 bits)',
  '1.2.643.7.1.1.1.2': 'GOST R 34.10-2012 (512 bits)',
  '1.2.643.7.1.1.2.2': 'GOST R 34.11-2012 (256 bits)',
  '1.2.643.7.1.1.2.3': 'GOST R 34.11-2012 (512 bits)',
  '1.2.643.7.1.1.4.1': 'HMAC with GOST R 34.11-2012 (256 bits)',
  '1.2.643.7.1.1.4.2': 'HMAC with GOST R 34.11-2012 (512 bits)',
  '1.2.643.7.1.1.5.1.1': 'Magma-CTR',
  '1.2.643.7.1.1.5.1.2': 'Magma-CTR-OMAC',
  '1.2.643.7.1.1.5.2.1': 'Kuznyechik-CTR',
  '1.2.643.7.1.1.5.2.2': 'Kuznyechik-CTR-OMAC',
  '1.2.804.2.1.1.1.1.3.1.1': 'DSTU 4145',
  '1.3.6.1.4.1.11591.15.1': 'Ed25519 (draft)',
  '1.3.6.1.4.1.11591.4.11': 'scrypt',
  '1.2.840.113549.2.2': 'MD2',
  '1.2.840.113549.2.4': 'MD4',
  '1.3.36.3.2.1': 'RIPEMD-160',
  '1.3.6.1.5.5.8.1.4': 'HMAC with RIPEMD-160',
  '1.0.10118.3.0.55': 'Whirlpool',
  '1.2.156.10197.1.401': 'SM3',
  '1.2.156.10197.1.401.2': 'HMAC with SM3',
  '1.2.840.113549.1.7.1': 'PKCS#7 data',
  '1.2.840.113549.1.7.2': 'PKCS#7 signed data',
  '1.2.840.113549.1.7.3': 'PKCS#7 enveloped data',
};

/** UNSUPPORTED_ALGORITHM with the name first and the object identifier behind; `kind` names what is unknown here too. */
export function unsupportedOid(what: string, kind: string, oid: string): X509Error {
  const name = NAMES[oid] ?? KEY_ALGORITHMS[oid];
  return unsupportedAlgorithm(what, name ? `${kind} ${name} (${oid})` : `${kind} ${oid}`);
}
