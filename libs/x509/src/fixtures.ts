import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { context, TAG } from './der-reader.ts';
import { integer, octetString, oid, sequence, setOf, tlv } from './der-writer.ts';
import { readPem } from './pem.ts';

/** Files that OpenSSL and keytool wrote (fixtures/generate.sh); for tests. */
export const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
export const fixtureDer = (name: string): Uint8Array => readPem(fixture(name))[0]!.bytes!;

/** Parts of a certificate as DER, each in the place of an ordinary one. */
export interface CertificateParts {
  version?: Uint8Array;
  serialNumber?: Uint8Array;
  issuer?: Uint8Array;
  notBefore?: Uint8Array;
  notAfter?: Uint8Array;
  subject?: Uint8Array;
  publicKey?: Uint8Array;
  algorithm?: Uint8Array;
  extensions?: Uint8Array[];
}

const ED25519 = sequence(oid('1.3.101.112'));
const ED25519_KEY = sequence(ED25519, tlv(TAG.bitString, Buffer.alloc(33, Buffer.of(0, 7))));

/** A certificate (RFC 5280 section 4.1) of any parts, odd ones too; nobody signed it. */
export const handMade = (parts: CertificateParts = {}): Buffer => {
  const algorithm = parts.algorithm ?? ED25519;
  const validity = [parts.notBefore ?? utcTime('250101000000Z'), parts.notAfter ?? utcTime('450101000000Z')];
  const tbs = sequence(
    parts.version ?? tlv(context(0), integer(2)),
    parts.serialNumber ?? integer(1),
    algorithm,
    parts.issuer ?? nameOf(rdn('2.5.4.3', 'issuer')),
    sequence(...validity),
    parts.subject ?? nameOf(rdn('2.5.4.3', 'subject')),
    parts.publicKey ?? ED25519_KEY,
    ...(parts.extensions ? [tlv(context(3), sequence(...parts.extensions))] : []),
  );
  return sequence(tbs, algorithm, tlv(TAG.bitString, Buffer.alloc(65)));
};

export const utcTime = (text: string): Buffer => tlv(TAG.utcTime, Buffer.from(text));
export const generalizedTime = (text: string): Buffer => tlv(TAG.generalizedTime, Buffer.from(text));
export const rdn = (type: string, value: string): Buffer =>
  setOf(sequence(oid(type), tlv(TAG.utf8String, Buffer.from(value))));
export const emptyRdn = (): Buffer => setOf();
export const nameOf = (...rdns: Uint8Array[]): Buffer => sequence(...rdns);
export const extension = (id: string, value: Uint8Array): Buffer => sequence(oid(id), octetString(value));
/** A subjectAltName extension (RFC 5280 section 4.2.1.6) of GeneralNames by their tag numbers. */
export const alternativeNames = (...names: [tag: number, value: Uint8Array][]): Buffer =>
  extension('2.5.29.17', sequence(...names.map(([tag, value]) => tlv(context(tag, tag === 4), value))));
