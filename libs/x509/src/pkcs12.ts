import { Buffer } from 'node:buffer';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { raise } from '@certferry/core';
import { toDefiniteLengths } from './ber.ts';
import { context, DerReader, TAG } from './der-reader.ts';
import { stringValue } from './name.ts';
import { HMAC_OIDS, unsupportedOid, type Digest } from './password-algorithms.ts';
import { decryptWithSecrets, IterationBudget, readDigest, readKdf } from './password-encryption.ts';
import { nssSecret, secretsOf, type Password, type Secret } from './password-secret.ts';
import { readEncryption, type Encryption } from './password-writing.ts';
import { derivePkcs12Key } from './pkcs12-kdf.ts';
import { decryptShroudedKey, readPrivateKey, type PrivateKey } from './private-key.ts';
import { describeAttribute } from './key-attributes.ts';
import { malformed, passwordRequired, unsupportedAlgorithm, wrongPassword, X509Error } from './x509-error.ts';

export const DATA = '1.2.840.113549.1.7.1';
export const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
export const BAG = {
  key: '1.2.840.113549.1.12.10.1.1',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificate: '1.2.840.113549.1.12.10.1.3',
  nested: '1.2.840.113549.1.12.10.1.6',
} as const;
export const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
export const FRIENDLY_NAME = '1.2.840.113549.1.9.20';
export const LOCAL_KEY_ID = '1.2.840.113549.1.9.21';
/** Oracle's attribute without which Java does not list a certificate that has no key. */
export const TRUSTED_KEY_USAGE = '2.16.840.1.113894.746875.1.1';

/** A SafeBag (RFC 7292 section 4.2). `raw` is its DER, which an edit keeps byte for byte. */
export type SafeBag = {
  raw: Uint8Array;
  alias?: string;
  /** Hexadecimal. */
  localKeyId?: string;
  trusted: boolean;
  /** Attributes that have no place here, each in words. */
  otherAttributes?: string[];
} & BagValue;

type BagValue =
  | { kind: 'certificate'; der: Uint8Array }
  | { kind: 'key'; key: PrivateKey; encrypted: boolean; encryption?: Encryption; ownPassword?: boolean }
  /** A key that no password opens; only where that was asked for. */
  | { kind: 'locked' }
  | { kind: 'other'; type: string };

/** A ContentInfo of the AuthenticatedSafe. `raw` is dropped when its bags change. */
export interface SafeContents {
  raw?: Uint8Array;
  encrypted: boolean;
  /** How, where it can be written again. */
  encryption?: Encryption;
  bags: SafeBag[];
}

/** An opened PKCS#12 file (RFC 7292 section 4). */
export interface Pkcs12 {
  contents: SafeContents[];
  /** As the file has it; absent in a new file. */
  mac?: MacSettings;
  /** Key derivation iterations that opening it took. */
  iterations: number;
  /** How it had to be opened, where that was not as RFC 7292 says. */
  notices: string[];
}

/** How a file is protected as a whole: by the MAC of RFC 7292 appendix B, by PBMAC1 (RFC 9579), or not at all. */
export type MacSettings =
  | { kind: 'pkcs12'; digest: Digest; iterations: number }
  | { kind: 'pbmac1'; digest: Digest; prf: Digest; iterations: number; keyLength: number }
  | { kind: 'none' };

export interface Pkcs12Passwords {
  password: Password;
  /** Of keys and contents that have one of their own. */
  keyPassword?: Password;
  /** A key that neither opens is a bag of kind "locked", not an error: for those that leave it as it is. */
  keepLocked?: boolean;
}

interface Opening {
  password: Password;
  keepLocked: boolean;
  keyPassword: Password;
  /** What contents and keys are decrypted with, in this order. */
  secrets: Secret[];
  budget: IterationBudget;
  /** Whether a MAC has shown that the password is the file's. */
  verified: boolean;
  notices: Set<string>;
  /** Those of the file's own password. */
  own: Set<Secret>;
}

/**
 * Opens a PKCS#12 file: checks its MAC, decrypts its contents and keys; what has a password of its own with
 * `keyPassword`. An empty password is no password too.
 * Throws WRONG_PASSWORD, PASSWORD_REQUIRED, UNSUPPORTED_ALGORITHM, LIMIT_EXCEEDED, MALFORMED, TRUNCATED.
 */
export function readPkcs12(bytes: Uint8Array, password: Password, keyPassword?: Password): Pkcs12 {
  return openPkcs12(bytes, { password, keyPassword });
}

export function openPkcs12(bytes: Uint8Array, { password, keyPassword, keepLocked = false }: Pkcs12Passwords): Pkcs12 {
  const outer = new DerReader(toDefiniteLengths(bytes, 'PKCS#12 file'), 'PKCS#12 file');
  const pfx = outer.enter(TAG.sequence);
  outer.finish();
  if (pfx.integer() !== 3) throw malformed('PKCS#12 version');
  const authSafe = pfx.enter(TAG.sequence);
  if (authSafe.oid() !== DATA) throw unsupportedAlgorithm('PKCS#12 file', 'public-key integrity mode');
  const content = authSafe.enter(context(0)).octets();
  const budget = new IterationBudget();
  const opening: Opening = {
    password,
    keepLocked,
    keyPassword,
    secrets: secretsOf(password),
    budget,
    verified: !pfx.done,
    notices: new Set(),
    own: new Set(),
  };
  let mac: MacSettings = { kind: 'none' };
  if (opening.verified) {
    const { secret: fitting, settings } = checkMac(pfx.enter(TAG.sequence), content, opening);
    mac = settings;
    opening.secrets = [fitting, ...opening.secrets, nssSecret(fitting)];
  }
  opening.own = new Set(opening.secrets);
  if (keyPassword !== undefined) opening.secrets.push(...secretsOf(keyPassword));
  const infos = new DerReader(toDefiniteLengths(content, 'PKCS#12 contents'), 'PKCS#12 contents').enter(TAG.sequence);
  const contents: SafeContents[] = [];
  while (!infos.done) contents.push(readContents(infos.enter(TAG.sequence), infos.raw(), opening));
  return { contents, mac, iterations: budget.spent, notices: [...opening.notices] };
}

export const PBMAC1 = '1.2.840.113549.1.5.14';

/** Verifies MacData (RFC 7292 section 5.1, RFC 9579) and answers the secret that fits. */
function checkMac(mac: DerReader, content: Uint8Array, opening: Opening): { secret: Secret; settings: MacSettings } {
  const info = mac.enter(TAG.sequence);
  const algorithm = info.enter(TAG.sequence);
  const isPbmac1 = algorithm.peek() === TAG.oid && algorithm.oid() === PBMAC1;
  const { compute, cost, settings } = isPbmac1 ? readPbmac1(algorithm.enter(TAG.sequence)) : readPkcs12Mac(mac, info);
  const expected = isPbmac1 ? info.octets() : info.value();
  for (const secret of opening.secrets) {
    opening.budget.spend(cost);
    const actual = compute(secret, content, expected.length);
    if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) continue;
    if (secret.notice) opening.notices.add(secret.notice);
    return { secret, settings };
  }
  throw opening.password === undefined ? passwordRequired('PKCS#12 file') : wrongPassword('PKCS#12 file');
}

interface Mac {
  compute: (secret: Secret, content: Uint8Array, length: number) => Buffer;
  /** Iterations of one try. */
  cost: number;
  settings: MacSettings;
}

/** The MAC of RFC 7292 appendix B; leaves the digest as the last value of `info`. */
function readPkcs12Mac(mac: DerReader, info: DerReader): Mac {
  const digest = readDigest(info.inside(), 'PKCS#12 MAC');
  info.octets();
  const salt = mac.octets();
  const iterations = mac.done ? 1 : mac.integer();
  const compute: Mac['compute'] = ({ bmp: secret }, content, length) => {
    const key = derivePkcs12Key({ digest, secret, salt, iterations, purpose: 3, length });
    return createHmac(digest, key).update(content).digest();
  };
  return { compute, cost: iterations, settings: { kind: 'pkcs12', digest, iterations } };
}

/** PBMAC1 (RFC 8018 section 7.1 and appendix A.5): a key out of PBKDF2, whose length its parameters give, and an HMAC. */
function readPbmac1(parameters: DerReader): Mac {
  const what = 'PKCS#12 MAC';
  const kdf = parameters.enter(TAG.sequence);
  const keyLength = readKeyLength(parameters.inside());
  const { derive, cost, prf = 'sha256' } = readKdf(kdf, what);
  const hmac = parameters.enter(TAG.sequence).oid();
  const digest = HMAC_OIDS[hmac] ?? raise(unsupportedOid(what, 'PBMAC1 with', hmac));
  const settings: MacSettings = { kind: 'pbmac1', digest, prf, iterations: cost, keyLength };
  const compute: Mac['compute'] = (secret, content) =>
    createHmac(digest, derive(secret, keyLength)).update(content).digest();
  return { compute, cost, settings };
}

/** RFC 9579 section 4 wants the key's length to be there, and not under 20 bytes. */
function readKeyLength(kdf: DerReader): number {
  kdf.oid();
  const pbkdf2 = kdf.enter(TAG.sequence);
  pbkdf2.octets();
  pbkdf2.integer();
  if (pbkdf2.peek() !== TAG.integer) throw malformed('PBMAC1 without a key length');
  const length = pbkdf2.integer();
  if (length < 20 || length > 1_024) throw malformed('PBMAC1 key length');
  return length;
}

function readContents(info: DerReader, raw: Uint8Array, opening: Opening): SafeContents {
  const type = info.oid();
  if (type === DATA) {
    const safe = info.enter(context(0)).octets();
    return { raw, encrypted: false, bags: readBags(safe, opening) };
  }
  if (type !== ENCRYPTED_DATA) throw unsupportedOid('PKCS#12 file', 'content type', type);
  const encryptedData = info.enter(context(0)).enter(TAG.sequence);
  encryptedData.integer();
  const encrypted = encryptedData.enter(TAG.sequence);
  if (encrypted.oid() !== DATA) throw malformed('PKCS#12 encrypted content');
  const algorithm = encrypted.enter(TAG.sequence);
  const encryption = readEncryption(encrypted.raw());
  const data = readEncryptedContent(encrypted);
  const safe = decryptContents({ algorithm, data, opening });
  try {
    return { raw, encrypted: true, encryption, bags: readBags(safe, opening) };
  } catch (error) {
    // Without a MAC a wrong password can pass for a right one until its plaintext makes no sense.
    const senseless = error instanceof X509Error && (error.reason === 'MALFORMED' || error.reason === 'TRUNCATED');
    throw senseless && !opening.verified ? wrongPassword('PKCS#12 contents') : error;
  }
}

function decryptContents(of: { algorithm: DerReader; data: Uint8Array; opening: Opening }): Buffer {
  const { algorithm, data, opening } = of;
  return withSecrets(opening, 'the certificates in it: they have a password of their', (secrets) => {
    const { plain, secret } = decryptWithSecrets(
      { algorithm, data, budget: opening.budget, what: 'PKCS#12 contents' },
      secrets,
    );
    return [plain, secret];
  });
}

/** Says what opened something in an unusual way, and what has a password of its own. */
function withSecrets<T>(
  { secrets, verified, keyPassword, notices }: Opening,
  what: string,
  open: (secrets: Secret[]) => [T, Secret],
): T {
  try {
    const [value, { notice }] = open(secrets);
    if (notice) notices.add(notice);
    return value;
  } catch (error) {
    const isWrong = error instanceof X509Error && error.reason === 'WRONG_PASSWORD';
    if (!isWrong || !verified || keyPassword !== undefined) throw error;
    const message = `The password opens the PKCS#12 file but not ${what} own, send it as key password.`;
    throw new X509Error({ code: 'INVALID_ARGUMENT', reason: 'WRONG_PASSWORD', message });
  }
}

/** [0] IMPLICIT OCTET STRING, also in pieces (BER): one piece alone looks like an explicit tag. */
function readEncryptedContent(encrypted: DerReader): Uint8Array {
  if (encrypted.peek() !== context(0)) return encrypted.next(context(0, false)).value();
  const pieces = encrypted.enter(context(0));
  const parts: Uint8Array[] = [];
  while (!pieces.done) parts.push(pieces.octets());
  return Buffer.concat(parts);
}

function readBags(safe: Uint8Array, opening: Opening): SafeBag[] {
  const list = new DerReader(toDefiniteLengths(safe, 'PKCS#12 bags'), 'PKCS#12 bags').enter(TAG.sequence);
  return readBagList(list, opening);
}

/** What is in a nested bag stands where it does: a bag that is moved out of it is the same bag. */
function readBagList(list: DerReader, opening: Opening): SafeBag[] {
  const bags: SafeBag[] = [];
  while (!list.done) {
    const bag = list.enter(TAG.sequence);
    const raw = list.raw();
    const type = bag.oid();
    const value = bag.enter(context(0));
    if (type === BAG.nested) {
      for (const one of readBagList(value.enter(TAG.sequence), opening)) bags.push(one);
      continue;
    }
    const attributes = readAttributes(bag.done ? undefined : bag.enter(TAG.set));
    bags.push({ raw, ...attributes, ...readBagValue(type, value, opening) });
  }
  return bags;
}

function readBagValue(type: string, value: DerReader, opening: Opening): BagValue {
  if (type === BAG.certificate) {
    const certificate = value.enter(TAG.sequence);
    if (certificate.oid() !== X509_CERTIFICATE) return { kind: 'other', type };
    return { kind: 'certificate', der: certificate.enter(context(0)).octets() };
  }
  if (type === BAG.key)
    return { kind: 'key', encrypted: false, key: readPrivateKey(value.next(TAG.sequence).raw(), 'pkcs8') };
  if (type !== BAG.shroudedKey) return { kind: 'other', type };
  return readShroudedKey(value.next(TAG.sequence).raw(), opening);
}

function readShroudedKey(shrouded: Uint8Array, opening: Opening): BagValue {
  const what = 'the private key in it: the key has a password of its';
  try {
    return withSecrets(opening, what, (secrets) => {
      const { key, secret } = decryptShroudedKey(shrouded, secrets, opening.budget);
      const info = new DerReader(shrouded, 'private key').enter(TAG.sequence);
      info.next(TAG.sequence);
      const ownPassword = !opening.own.has(secret);
      return [{ kind: 'key', encrypted: true, key, encryption: readEncryption(info.raw()), ownPassword }, secret];
    });
  } catch (error) {
    const isLocked = error instanceof X509Error && error.reason === 'WRONG_PASSWORD' && opening.verified;
    if (isLocked && opening.keepLocked) return { kind: 'locked' };
    throw error;
  }
}

type Attributes = Pick<SafeBag, 'alias' | 'localKeyId' | 'trusted' | 'otherAttributes'>;

function readAttributes(set: DerReader | undefined): Attributes {
  const found: Attributes = { trusted: false };
  const others: string[] = [];
  while (set && !set.done) {
    const attribute = set.enter(TAG.sequence);
    const type = attribute.oid();
    const values = attribute.enter(TAG.set);
    if (!values.done) values.next();
    const isEmpty = values.end === 0;
    if (type === FRIENDLY_NAME) found.alias = isEmpty ? '' : (stringValue(values) ?? '');
    else if (type === LOCAL_KEY_ID) found.localKeyId = isEmpty ? '' : Buffer.from(values.value()).toString('hex');
    else if (type === TRUSTED_KEY_USAGE) found.trusted = true;
    else others.push(describeAttribute(type, isEmpty ? undefined : stringValue(values)));
  }
  return others.length > 0 ? { ...found, otherAttributes: others } : found;
}
