import { Buffer } from 'node:buffer';
import { createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { context, DerReader, TAG } from './der-reader.ts';
import { bmpString, derNull, integer, octetString, oid, sequence, setOf, tlv } from './der-writer.ts';
import { DIGEST_OIDS, type Digest } from './password-algorithms.ts';
import { plainSecret } from './password-secret.ts';
import {
  ENCRYPTIONS,
  encryptWithPassword,
  hmacAlgorithm,
  LEGACY_ITERATIONS,
  pbkdf2Algorithm,
  WRITTEN_ITERATIONS,
  type Encryption,
  type EncryptionProfile,
} from './password-writing.ts';
import {
  BAG,
  DATA,
  ENCRYPTED_DATA,
  FRIENDLY_NAME,
  LOCAL_KEY_ID,
  PBMAC1,
  TRUSTED_KEY_USAGE,
  X509_CERTIFICATE,
  type MacSettings,
  type Pkcs12,
  type SafeBag,
  type SafeContents,
} from './pkcs12.ts';
import { derivePkcs12Key } from './pkcs12-kdf.ts';
import { encryptPrivateKey, type PrivateKey } from './private-key.ts';

/** `profile`: of what does not say itself how it is encrypted. */
export interface WritingOptions {
  password: string;
  profile: EncryptionProfile;
}

export const MACS: Record<EncryptionProfile, MacSettings> = {
  modern: { kind: 'pkcs12', digest: 'sha256', iterations: WRITTEN_ITERATIONS },
  legacy: { kind: 'pkcs12', digest: 'sha1', iterations: LEGACY_ITERATIONS },
};

/** The bytes of a PKCS#12 file: untouched contents as they were, changed ones encrypted again as they were, a fresh MAC. */
export function writePkcs12(file: Pkcs12, options: WritingOptions): Buffer {
  const infos = file.contents.filter((one) => one.bags.length > 0).map((one) => one.raw ?? writeContents(one, options));
  const content = sequence(...infos);
  const mac = writeMac(content, options.password, file.mac ?? MACS[options.profile]);
  return sequence(integer(3), sequence(oid(DATA), tlv(context(0), octetString(content))), ...mac);
}

function writeMac(content: Buffer, password: string, mac: MacSettings): Buffer[] {
  if (mac.kind === 'none') return [];
  const salt = randomBytes(20);
  const secret = plainSecret(password);
  if (mac.kind === 'pbmac1') return [writePbmac1(content, { ...mac, salt, password: secret.octets })];
  const { digest, iterations } = mac;
  const length = createHmac(digest, '').digest().length;
  const key = derivePkcs12Key({ digest, secret: secret.bmp, salt, iterations, purpose: 3, length });
  const value = createHmac(digest, key).update(content).digest();
  const digestInfo = sequence(sequence(oid(digestOid(digest)), derNull()), octetString(value));
  return [sequence(digestInfo, octetString(salt), integer(iterations))];
}

const digestOid = (digest: Digest): string => Object.keys(DIGEST_OIDS).find((one) => DIGEST_OIDS[one] === digest)!;

/** RFC 9579 section 6: what MacData has beside the algorithm is not used, and there all the same. */
function writePbmac1(
  content: Buffer,
  mac: Extract<MacSettings, { kind: 'pbmac1' }> & { salt: Buffer; password: Buffer },
): Buffer {
  const { salt, iterations, keyLength, prf, digest } = mac;
  const key = pbkdf2Sync(mac.password, salt, iterations, keyLength, prf);
  const value = createHmac(digest, key).update(content).digest();
  const parameters = sequence(pbkdf2Algorithm({ salt, iterations, prf, keyLength }), hmacAlgorithm(digest));
  return sequence(sequence(sequence(oid(PBMAC1), parameters), octetString(value)), octetString(salt), integer(1));
}

function writeContents(contents: SafeContents, { password, profile }: WritingOptions): Buffer {
  const safe = sequence(...contents.bags.map((bag) => bag.raw));
  if (!contents.encrypted) return sequence(oid(DATA), tlv(context(0), octetString(safe)));
  const { algorithm, encrypted } = encryptWithPassword(safe, password, contents.encryption ?? ENCRYPTIONS[profile]);
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

const attributesOf = ({ alias, localKeyId, trusted = false }: BagAttributes) => ({
  ...(alias !== undefined && { alias }),
  ...(localKeyId && { localKeyId: Buffer.from(localKeyId).toString('hex') }),
  trusted,
});

/** A CertBag; without attributes it is a link of somebody's chain. */
export function certificateBag(der: Uint8Array, attributes: BagAttributes = {}): SafeBag {
  const value = sequence(oid(X509_CERTIFICATE), tlv(context(0), octetString(der)));
  return {
    kind: 'certificate',
    der,
    raw: writeBag(BAG.certificate, value, attributes),
    ...attributesOf(attributes),
  };
}

/** A PKCS8ShroudedKeyBag. */
export function keyBag(
  key: PrivateKey,
  { password, profile, encryption = ENCRYPTIONS[profile] }: WritingOptions & { encryption?: Encryption },
  attributes: BagAttributes,
): SafeBag {
  const raw = writeBag(BAG.shroudedKey, encryptPrivateKey(key.pkcs8, password, encryption), attributes);
  return { kind: 'key', key, encrypted: true, encryption, raw, ...attributesOf(attributes) };
}

/** The same bag with its key under another password; all its attributes stay. */
export function encryptKeyBagAgain(
  bag: SafeBag & { kind: 'key' },
  by: { password: string; encryption: Encryption },
): SafeBag {
  const outer = new DerReader(bag.raw, 'key bag').enter(TAG.sequence);
  outer.oid();
  outer.next(context(0));
  const attributes = outer.done ? [] : [outer.next(TAG.set).raw()];
  const value = encryptPrivateKey(bag.key.pkcs8, by.password, by.encryption);
  const raw = sequence(oid(BAG.shroudedKey), tlv(context(0), value), ...attributes);
  return { ...bag, raw, encryption: by.encryption, ownPassword: false };
}
