import { Buffer } from 'node:buffer';

/** Absent and empty are different to PKCS#12's own key derivation, and the same to PBKDF2. */
export type Password = string | undefined;

/** A password as the octets that keys are derived from. */
export interface Secret {
  /** For RFC 8018's derivations: UTF-8. */
  octets: Buffer;
  /** For PKCS#12's own (RFC 7292 appendix B.1): UTF-16, big endian, two zeros behind; nothing where there is no password. */
  bmp: Buffer;
  /** Whether PBKDF2's parameters say how long an AES key is, whatever the cipher's name says, and PBES1's IV is the digest's end. */
  ofNss?: boolean;
  /** What is said of a container that this opened. */
  notice?: string;
}

const toBmp = (text: string): Buffer => Buffer.from(`${text}\0`, 'utf16le').swap16();

/** As the RFCs have it. */
export const plainSecret = (password: Password): Secret => ({
  octets: Buffer.from(password ?? ''),
  bmp: password === undefined ? Buffer.alloc(0) : toBmp(password),
});

/** As OpenSSL before 1.1 has it. */
const widenedSecret = (password: string): Secret => ({
  octets: Buffer.from(password),
  bmp: toBmp(Buffer.from(password).toString('latin1')),
  notice:
    'The password was taken as OpenSSL before 1.1 encodes it, each byte of its UTF-8 as a character: other programs may not open this file.',
});

/** As NSS has it in PBES1, and before 3.31 in PBES2: UTF-16 for every derivation, and 32 octets for every AES key where the parameters say so. */
export const nssSecret = (secret: Secret): Secret => ({
  octets: secret.bmp,
  bmp: secret.bmp,
  ofNss: true,
  notice:
    'The keys were derived as NSS does it (in PBES2 before 3.31), from the password in UTF-16: other programs may not open this file.',
});

/** The ways to read what a caller gave, the usual one first: an empty field is no password too. */
export function secretsOf(password: Password): Secret[] {
  if (!password) return [plainSecret(''), plainSecret(undefined)];
  return /^[\0-\x7f]*$/.test(password) ? [plainSecret(password)] : [plainSecret(password), widenedSecret(password)];
}
