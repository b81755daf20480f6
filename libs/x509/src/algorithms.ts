/** Names for arcs that follow one another: `prefix`.`first`, `prefix`.`first + 1`, … */
const numbered = (prefix: string, first: number, names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name, i) => [`${prefix}.${first + i}`, name]));

/** Signature keys of FIPS 204 and FIPS 205 (RFC 9881, RFC 9909), pure and pre-hashed. */
const NIST_SIGNATURES: Record<string, string> = numbered('2.16.840.1.101.3.4.3', 17, [
  'ML-DSA-44',
  'ML-DSA-65',
  'ML-DSA-87',
  'SLH-DSA-SHA2-128s',
  'SLH-DSA-SHA2-128f',
  'SLH-DSA-SHA2-192s',
  'SLH-DSA-SHA2-192f',
  'SLH-DSA-SHA2-256s',
  'SLH-DSA-SHA2-256f',
  'SLH-DSA-SHAKE-128s',
  'SLH-DSA-SHAKE-128f',
  'SLH-DSA-SHAKE-192s',
  'SLH-DSA-SHAKE-192f',
  'SLH-DSA-SHAKE-256s',
  'SLH-DSA-SHAKE-256f',
  'HashML-DSA-44-SHA512',
  'HashML-DSA-65-SHA512',
  'HashML-DSA-87-SHA512',
  'HashSLH-DSA-SHA2-128s-SHA256',
  'HashSLH-DSA-SHA2-128f-SHA256',
  'HashSLH-DSA-SHA2-192s-SHA512',
  'HashSLH-DSA-SHA2-192f-SHA512',
  'HashSLH-DSA-SHA2-256s-SHA512',
  'HashSLH-DSA-SHA2-256f-SHA512',
  'HashSLH-DSA-SHAKE-128s-SHAKE128',
  'HashSLH-DSA-SHAKE-128f-SHAKE128',
  'HashSLH-DSA-SHAKE-192s-SHAKE256',
  'HashSLH-DSA-SHAKE-192f-SHAKE256',
  'HashSLH-DSA-SHAKE-256s-SHAKE256',
  'HashSLH-DSA-SHAKE-256f-SHAKE256',
]);

/** draft-ietf-lamps-pq-composite-sigs section 7, as IANA numbered them below id-alg. */
const COMPOSITE_SIGNATURES: Record<string, string> = numbered('1.3.6.1.5.5.7.6', 37, [
  'MLDSA44-RSA2048-PSS-SHA256',
  'MLDSA44-RSA2048-PKCS15-SHA256',
  'MLDSA44-Ed25519-SHA512',
  'MLDSA44-ECDSA-P256-SHA256',
  'MLDSA65-RSA3072-PSS-SHA512',
  'MLDSA65-RSA3072-PKCS15-SHA512',
  'MLDSA65-RSA4096-PSS-SHA512',
  'MLDSA65-RSA4096-PKCS15-SHA512',
  'MLDSA65-ECDSA-P256-SHA512',
  'MLDSA65-ECDSA-P384-SHA512',
  'MLDSA65-ECDSA-brainpoolP256r1-SHA512',
  'MLDSA65-Ed25519-SHA512',
  'MLDSA87-ECDSA-P384-SHA512',
  'MLDSA87-ECDSA-brainpoolP384r1-SHA512',
  'MLDSA87-Ed448-SHAKE256',
  'MLDSA87-RSA3072-PSS-SHA512',
  'MLDSA87-RSA4096-PSS-SHA512',
  'MLDSA87-ECDSA-P521-SHA512',
]);

/** draft-ietf-lamps-pq-composite-kem, in the same place. */
const COMPOSITE_KEMS: Record<string, string> = numbered('1.3.6.1.5.5.7.6', 55, [
  'MLKEM768-RSA2048-SHA3-256',
  'MLKEM768-RSA3072-SHA3-256',
  'MLKEM768-RSA4096-SHA3-256',
  'MLKEM768-X25519-SHA3-256',
  'MLKEM768-ECDH-P256-SHA3-256',
  'MLKEM768-ECDH-P384-SHA3-256',
  'MLKEM768-ECDH-brainpoolP256r1-SHA3-256',
  'MLKEM1024-RSA3072-SHA3-256',
  'MLKEM1024-ECDH-P384-SHA3-256',
  'MLKEM1024-ECDH-brainpoolP384r1-SHA3-256',
  'MLKEM1024-X448-SHA3-256',
  'MLKEM1024-ECDH-P521-SHA3-256',
]);

/** Also the algorithm of a key that is restricted to it (RFC 4055 section 1.2). */
export const RSASSA_PSS = '1.2.840.113549.1.1.10';

/** Algorithms of SubjectPublicKeyInfo: RFC 3279, RFC 5480, RFC 8410, RFC 9881, RFC 9909, RFC 9935. */
export const KEY_ALGORITHMS: Record<string, string> = {
  '1.2.840.113549.1.1.1': 'RSA',
  '2.5.8.1.1': 'RSA',
  [RSASSA_PSS]: 'RSA-PSS',
  '1.2.840.10040.4.1': 'DSA',
  '1.2.840.10046.2.1': 'DH',
  '1.2.840.113549.1.3.1': 'DH',
  '1.2.840.10045.2.1': 'EC',
  '1.3.132.1.12': 'EC',
  '1.3.101.110': 'X25519',
  '1.3.101.111': 'X448',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
  ...NIST_SIGNATURES,
  ...numbered('2.16.840.1.101.3.4.4', 1, ['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024']),
  ...COMPOSITE_SIGNATURES,
  ...COMPOSITE_KEMS,
};

/** Bits of the keys whose algorithm has just one size (RFC 8032, RFC 7748). */
export const FIXED_KEY_SIZES: Record<string, number> = { Ed25519: 256, Ed448: 456, X25519: 256, X448: 448 };

/** Named curves: RFC 5480, SEC 2, RFC 5639, X9.62, WAP-261-WTLS, GB/T 32918. */
export const CURVES: Record<string, { name: string; size: number }> = {
  '1.2.156.10197.1.301': { name: 'SM2', size: 256 },
  '1.2.840.10045.3.1.1': { name: 'P-192', size: 192 },
  '1.3.132.0.33': { name: 'P-224', size: 224 },
  '1.2.840.10045.3.1.7': { name: 'P-256', size: 256 },
  '1.3.132.0.34': { name: 'P-384', size: 384 },
  '1.3.132.0.35': { name: 'P-521', size: 521 },
  ...sized({
    '1.3.132.0.1': 'sect163k1',
    '1.3.132.0.2': 'sect163r1',
    '1.3.132.0.3': 'sect239k1',
    '1.3.132.0.4': 'sect113r1',
    '1.3.132.0.5': 'sect113r2',
    '1.3.132.0.6': 'secp112r1',
    '1.3.132.0.7': 'secp112r2',
    '1.3.132.0.8': 'secp160r1',
    '1.3.132.0.9': 'secp160k1',
    '1.3.132.0.10': 'secp256k1',
    '1.3.132.0.15': 'sect163r2',
    '1.3.132.0.16': 'sect283k1',
    '1.3.132.0.17': 'sect283r1',
    '1.3.132.0.22': 'sect131r1',
    '1.3.132.0.23': 'sect131r2',
    '1.3.132.0.24': 'sect193r1',
    '1.3.132.0.25': 'sect193r2',
    '1.3.132.0.26': 'sect233k1',
    '1.3.132.0.27': 'sect233r1',
    '1.3.132.0.28': 'secp128r1',
    '1.3.132.0.29': 'secp128r2',
    '1.3.132.0.30': 'secp160r2',
    '1.3.132.0.31': 'secp192k1',
    '1.3.132.0.32': 'secp224k1',
    '1.3.132.0.36': 'sect409k1',
    '1.3.132.0.37': 'sect409r1',
    '1.3.132.0.38': 'sect571k1',
    '1.3.132.0.39': 'sect571r1',
    ...numbered('1.2.840.10045.3.1', 2, ['prime192v2', 'prime192v3', 'prime239v1', 'prime239v2', 'prime239v3']),
    ...numbered(
      '1.3.36.3.3.2.8.1.1',
      1,
      [160, 192, 224, 256, 320, 384, 512].flatMap((size) => [`brainpoolP${size}r1`, `brainpoolP${size}t1`]),
    ),
    ...numbered('1.2.840.10045.3.0', 1, [
      'c2pnb163v1',
      'c2pnb163v2',
      'c2pnb163v3',
      'c2pnb176w1',
      'c2tnb191v1',
      'c2tnb191v2',
      'c2tnb191v3',
      'c2onb191v4',
      'c2onb191v5',
      'c2pnb208w1',
      'c2tnb239v1',
      'c2tnb239v2',
      'c2tnb239v3',
      'c2onb239v4',
      'c2onb239v5',
      'c2pnb272w1',
      'c2pnb304w1',
      'c2tnb359v1',
      'c2pnb368w1',
      'c2tnb431r1',
    ]),
  }),
  ...Object.fromEntries(
    Object.entries({ 1: 113, 3: 163, 4: 113, 5: 163, 6: 112, 7: 160, 8: 112, 9: 160, 10: 233, 11: 233, 12: 224 }).map(
      ([number, size]) => [`2.23.43.1.4.${number}`, { name: `wap-wsg-idm-ecid-wtls${number}`, size }],
    ),
  ),
};

/** The size of these curves stands in their names. */
function sized(names: Record<string, string>): Record<string, { name: string; size: number }> {
  return Object.fromEntries(
    Object.entries(names).map(([oid, name]) => [oid, { name, size: Number(/\d{3}/.exec(name)?.[0]) }]),
  );
}

/** Signature algorithms under the names that OpenSSL and the RFCs' ASN.1 modules print. */
export const SIGNATURE_ALGORITHMS: Record<string, string> = {
  '1.2.840.113549.1.1.2': 'md2WithRSAEncryption',
  '1.2.840.113549.1.1.3': 'md4WithRSAEncryption',
  '1.2.840.113549.1.1.4': 'md5WithRSAEncryption',
  '1.2.840.113549.1.1.5': 'sha1WithRSAEncryption',
  '1.3.14.3.2.29': 'sha1WithRSA',
  [RSASSA_PSS]: 'rsassaPss',
  '1.2.840.113549.1.1.11': 'sha256WithRSAEncryption',
  '1.2.840.113549.1.1.12': 'sha384WithRSAEncryption',
  '1.2.840.113549.1.1.13': 'sha512WithRSAEncryption',
  '1.2.840.113549.1.1.14': 'sha224WithRSAEncryption',
  '1.2.840.113549.1.1.15': 'sha512-224WithRSAEncryption',
  '1.2.840.113549.1.1.16': 'sha512-256WithRSAEncryption',
  ...numbered('2.16.840.1.101.3.4.3', 13, ['RSA-SHA3-224', 'RSA-SHA3-256', 'RSA-SHA3-384', 'RSA-SHA3-512']),
  '1.3.6.1.5.5.7.6.30': 'rsassaPss-SHAKE128',
  '1.3.6.1.5.5.7.6.31': 'rsassaPss-SHAKE256',
  '1.2.840.10040.4.3': 'dsa-with-SHA1',
  ...numbered('2.16.840.1.101.3.4.3', 1, ['dsa-with-SHA224', 'dsa-with-SHA256', 'dsa-with-SHA384', 'dsa-with-SHA512']),
  '1.2.840.10045.4.1': 'ecdsa-with-SHA1',
  ...numbered('1.2.840.10045.4.3', 1, [
    'ecdsa-with-SHA224',
    'ecdsa-with-SHA256',
    'ecdsa-with-SHA384',
    'ecdsa-with-SHA512',
  ]),
  ...numbered('2.16.840.1.101.3.4.3', 9, [
    'ecdsa-with-SHA3-224',
    'ecdsa-with-SHA3-256',
    'ecdsa-with-SHA3-384',
    'ecdsa-with-SHA3-512',
  ]),
  '1.3.6.1.5.5.7.6.32': 'ecdsa-with-SHAKE128',
  '1.3.6.1.5.5.7.6.33': 'ecdsa-with-SHAKE256',
  '1.2.156.10197.1.501': 'SM2-with-SM3',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
  '1.3.6.1.5.5.7.6.36': 'unsigned',
  ...NIST_SIGNATURES,
  ...COMPOSITE_SIGNATURES,
};

/** Digests by their AlgorithmIdentifier (RFC 5754 and NIST's register). */
export const DIGESTS: Record<string, string> = {
  '1.2.840.113549.2.5': 'md5',
  '1.3.14.3.2.26': 'sha1',
  ...numbered('2.16.840.1.101.3.4.2', 1, [
    'sha256',
    'sha384',
    'sha512',
    'sha224',
    'sha512-224',
    'sha512-256',
    'sha3-224',
    'sha3-256',
    'sha3-384',
    'sha3-512',
    'shake128',
    'shake256',
  ]),
};
