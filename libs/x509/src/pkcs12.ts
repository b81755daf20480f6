import { Buffer } from 'node:buffer';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { raise } from '@certferry/core';
import { toDefiniteLengths } from './ber.ts';
import { context, DerReader, TAG } from './der-reader.ts';
import { bmpString, derNull, integer, octetString, oid, sequence, setOf, tlv } from './der-writer.ts';
import { stringValue } from './name.ts';
import { HMAC_OIDS, unsupportedOid, type Digest } from './password-algorithms.ts';
import {
  decryptWithSecrets,
  encryptWithPassword,
  IterationBudget,
  readDigest,
  readKdf,
  LEGACY_ITERATIONS,
  WRITTEN_ITERATIONS,
  type EncryptionProfile,
} from './password-encryption.ts';
import { nssSecret, plainSecret, secretsOf, type Password, type Secret } from './password-secret.ts';
import { derivePkcs12Key } from './pkcs12-kdf.ts';
import { decryptShroudedKey, encryptPrivateKey, readPrivateKey, type PrivateKey } from './private-key.ts';
import { describeAttribute } from './key-attributes.ts';
import { malformed, passwordRequired, unsupportedAlgorithm, wrongPassword, X509Error } from './x509-error.ts';

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const BAG = {
  key: '1.2.840.113549.1.12.10.1.1',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificate: '1.2.840.113549.1.12.10.1.3',
  nested: '1.2.840.113549.1.12.10.1.6',
} as const;
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const FRIENDLY_NAME = '1.2.840.113549.1.9.20';
const LOCAL_KEY_ID = '1.2.840.113549.1.9.21';
/** Oracle's attribute without which Java does not list a certificate that has no key. */
const TRUSTED_KEY_USAGE = '2.16.840.1.113894.746875.1.1';

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
  | { kind: 'key'; key: PrivateKey; encrypted: boolean }
  | { kind: 'other'; type: string };

/** A ContentInfo of the AuthenticatedSafe. `raw` is dropped when its bags change. */
export interface SafeContents {
  raw?: Uint8Array;
  encrypted: boolean;
  bags: SafeBag[];
}

/** An opened PKCS#12 file (RFC 7292 section 4). */
export interface Pkcs12 {
  contents: SafeContents[];
  /** Key derivation iterations that opening it took. */
  iterations: number;
  /** How it had to be opened, where that was not as RFC 7292 says. */
  notices: string[];
}

interface Opening {
  password: Password;
  keyPassword: Password;
  /** What contents and keys are decrypted with, in this order. */
  secrets: Secret[];
  budget: IterationBudget;
  /** Whether a MAC has shown that the password is the file's. */
  verified: boolean;
  notices: Set<string>;
}

/**
 * Opens a PKCS#12 file: checks its MAC, decrypts its contents and keys; what has a password of its own with
 * `keyPassword`. An empty password is no password too.
 * Throws WRONG_PASSWORD, PASSWORD_REQUIRED, UNSUPPORTED_ALGORITHM, LIMIT_EXCEEDED, MALFORMED, TRUNCATED.
 */
export function readPkcs12(bytes: Uint8Array, password: Password, keyPassword?: Password): Pkcs12 {
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
    keyPassword,
    secrets: secretsOf(password),
    budget,
    verified: !pfx.done,
    notices: new Set(),
  };
  if (opening.verified) {
    const fitting = checkMac(pfx.enter(TAG.sequence), content, opening);
    opening.secrets = [fitting, ...opening.secrets, nssSecret(fitting)];
  }
  if (keyPassword !== undefined) opening.secrets.push(...secretsOf(keyPassword));
  const infos = new DerReader(toDefiniteLengths(content, 'PKCS#12 contents'), 'PKCS#12 contents').enter(TAG.sequence);
  const contents: SafeContents[] = [];
  while (!infos.done) contents.push(readContents(infos.enter(TAG.sequence), infos.raw(), opening));
  return { contents, iterations: budget.spent, notices: [...opening.notices] };
}

const PBMAC1 = '1.2.840.113549.1.5.14';

/** Verifies MacData (RFC 7292 section 5.1, RFC 9579) and answers the secret that fits. */
function checkMac(mac: DerReader, content: Uint8Array, opening: Opening): Secret {
  const info = mac.enter(TAG.sequence);
  const algorithm = info.enter(TAG.sequence);
  const isPbmac1 = algorithm.peek() === TAG.oid && algorithm.oid() === PBMAC1;
  const { compute, cost } = isPbmac1 ? readPbmac1(algorithm.enter(TAG.sequence)) : readPkcs12Mac(mac, info);
  const expected = isPbmac1 ? info.octets() : info.value();
  for (const secret of opening.secrets) {
    opening.budget.spend(cost);
    const actual = compute(secret, content, expected.length);
    if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) continue;
    if (secret.notice) opening.notices.add(secret.notice);
    return secret;
  }
  throw opening.password === undefined ? passwordRequired('PKCS#12 file') : wrongPassword('PKCS#12 file');
}

interface Mac {
  compute: (secret: Secret, content: Uint8Array, length: number) => Buffer;
  /** Iterations of one try. */
  cost: number;
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
  return { compute, cost: iterations };
}

/** PBMAC1 (RFC 8018 section 7.1 and appendix A.5): a key out of PBKDF2, whose length its parameters give, and an HMAC. */
function readPbmac1(parameters: DerReader): Mac {
  const what = 'PKCS#12 MAC';
  const kdf = parameters.enter(TAG.sequence);
  const keyLength = readKeyLength(parameters.inside());
  const { derive, cost } = readKdf(kdf, what);
  const hmac = parameters.enter(TAG.sequence).oid();
  const digest = HMAC_OIDS[hmac] ?? raise(unsupportedOid(what, 'PBMAC1 with', hmac));
  return { compute: (secret, content) => createHmac(digest, derive(secret, keyLength)).update(content).digest(), cost };
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
  const data = readEncryptedContent(encrypted);
  const safe = decryptContents({ algorithm, data, opening });
  try {
    return { raw, encrypted: true, bags: readBags(safe, opening) };
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
  return { kind: 'key', encrypted: true, key: openShroudedKey(value.next(TAG.sequence).raw(), opening) };
}

const openShroudedKey = (shrouded: Uint8Array, opening: Opening): PrivateKey =>
  withSecrets(opening, 'the private key in it: the key has a password of its', (secrets) => {
    const { key, secret } = decryptShroudedKey(shrouded, secrets, opening.budget);
    return [key, secret];
  });

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

export interface WritingOptions {
  password: string;
  profile: EncryptionProfile;
}

const MAC: Record<EncryptionProfile, { digest: Digest; oid: string; length: number; iterations: number }> = {
  modern: { digest: 'sha256', oid: '2.16.840.1.101.3.4.2.1', length: 32, iterations: WRITTEN_ITERATIONS },
  legacy: { digest: 'sha1', oid: '1.3.14.3.2.26', length: 20, iterations: LEGACY_ITERATIONS },
};

/** The bytes of a PKCS#12 file: untouched contents as they were, changed ones encrypted again, a fresh MAC. */
export function writePkcs12(file: Pkcs12, options: WritingOptions): Buffer {
  const infos = file.contents.filter((one) => one.bags.length > 0).map((one) => one.raw ?? writeContents(one, options));
  const content = sequence(...infos);
  const salt = randomBytes(20);
  const { digest, oid: digestOid, length, iterations } = MAC[options.profile];
  const secret = plainSecret(options.password).bmp;
  const key = derivePkcs12Key({ digest, secret, salt, iterations, purpose: 3, length });
  const value = createHmac(digest, key).update(content).digest();
  const digestInfo = sequence(sequence(oid(digestOid), derNull()), octetString(value));
  const mac = sequence(digestInfo, octetString(salt), integer(iterations));
  return sequence(integer(3), sequence(oid(DATA), tlv(context(0), octetString(content))), mac);
}

function writeContents(contents: SafeContents, { password, profile }: WritingOptions): Buffer {
  const safe = sequence(...contents.bags.map((bag) => bag.raw));
  if (!contents.encrypted) return sequence(oid(DATA), tlv(context(0), octetString(safe)));
  const { algorithm, encrypted } = encryptWithPassword(safe, password, profile);
  const data = sequence(integer(0), sequence(oid(DATA), algorithm, tlv(context(0, false), encrypted)));
  return sequence(oid(ENCRYPTED_DATA), tlv(context(0), data));
}

interface BagAttributes {
  alias?: string;
  localKeyId?: Uint8Array;
  trusted?: boolean;
}

function writeBag(type: string, value: Uint8Array, { alias, localKeyId, trusted }: BagAttributes): Buffer {
  const attributes: Buffer[] = [];
  if (alias !== undefined) attributes.push(sequence(oid(FRIENDLY_NAME), setOf(bmpString(alias))));
  if (localKeyId) attributes.push(sequence(oid(LOCAL_KEY_ID), setOf(octetString(localKeyId))));
  if (trusted) attributes.push(sequence(oid(TRUSTED_KEY_USAGE), setOf(oid('2.5.29.37.0'))));
  return sequence(oid(type), tlv(context(0), value), ...(attributes.length ? [setOf(...attributes)] : []));
}

/** A CertBag; without attributes it is a link of somebody's chain. */
export function certificateBag(der: Uint8Array, attributes: BagAttributes = {}): SafeBag {
  const value = sequence(oid(X509_CERTIFICATE), tlv(context(0), octetString(der)));
  const raw = writeBag(BAG.certificate, value, attributes);
  return { kind: 'certificate', der, raw, alias: attributes.alias, trusted: attributes.trusted ?? false };
}

/** A PKCS8ShroudedKeyBag. */
export function keyBag(key: PrivateKey, { password, profile }: WritingOptions, attributes: BagAttributes): SafeBag {
  const raw = writeBag(BAG.shroudedKey, encryptPrivateKey(key.pkcs8, password, profile), attributes);
  return { kind: 'key', key, encrypted: true, raw, alias: attributes.alias, trusted: false };
}
