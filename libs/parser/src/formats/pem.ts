import { Buffer } from 'node:buffer';
import {
  asBuffer,
  DerReader,
  isPkcs7,
  IterationBudget,
  readCertificate,
  readAnyPrivateKey,
  readLegacyEncryptedKey,
  readOpenSshPrivateKey,
  readPem,
  shapeOfKey,
  TAG,
  X509Error,
  type Password,
  type PemBlock,
  type PrivateKey,
} from '@certferry/x509';
import { emptyContainer, refusesContainer, type Container } from '../container.ts';
import { tryPasswords } from '../try-passwords.ts';
import type { Format, Passwords } from './format.ts';
import { noticeIterations } from './notices.ts';
import { readInto } from './pkcs7.ts';
import { describeCrl, describeRequest } from './request.ts';

const BEGIN = Buffer.from('-----BEGIN ');
const END = Buffer.from('-----END ');
const DASHES = Buffer.from('-----');
const ENCRYPTED = Buffer.from('ENCRYPTED');
const PRIVATE_KEY = Buffer.from('PRIVATE KEY');
const OPENSSH = Buffer.from('OPENSSH PRIVATE KEY');

/** PEM (RFC 7468): certificates and keys in any mixture and order, with text around them. */
export const pem: Format = {
  detect: (content) => asBuffer(content).includes(BEGIN),
  needsSandbox: (content) =>
    [ENCRYPTED, OPENSSH].some((word) => asBuffer(content).includes(word)) || hasUnnamedEncryptedKey(content),
  holdsContainers: true,
  read(content, passwords) {
    const container = emptyContainer('PEM');
    const budget = new IterationBudget();
    let index = 0;
    const blocks = readPem(content);
    if (blocks.length === 0) {
      const message = 'A PEM block begins here, but its BEGIN line does not end.';
      container.failures.push({ index, what: 'PEM', reason: 'MALFORMED', message });
    }
    for (const block of blocks) {
      const before = countOf(container);
      readBlock(container, { block, index, passwords, budget });
      // A PKCS#7 block has many.
      index += Math.max(countOf(container) - before, 1);
    }
    noticeBinaryBehind(container, content);
    noticeIterations(container, budget.spent);
    return container;
  },
};

/** What `cat a.pem b.der` leaves: nobody would miss text behind the last block, but this. */
function noticeBinaryBehind(container: Container, content: Uint8Array): void {
  const bytes = asBuffer(content);
  const end = bytes.lastIndexOf(END);
  const close = end < 0 ? -1 : bytes.indexOf(DASHES, end + END.length);
  if (close < 0) return;
  let from = close + DASHES.length;
  while (bytes[from] === 0x0a || bytes[from] === 0x0d || bytes[from] === 0x20) from++;
  // A SEQUENCE of more than 127 bytes: its length is no ASCII.
  if (bytes[from] !== TAG.sequence || (bytes[from + 1] ?? 0) < 0x80) return;
  const length = bytes.length - from;
  container.notices.push(
    `${length} bytes of DER behind the last PEM block were passed over: import them as a file of their own.`,
  );
}

const countOf = ({ certificates, keys, failures }: Container): number =>
  certificates.length + keys.length + failures.length;

/** Encrypted PKCS#8 under a label that does not say so. */
function hasUnnamedEncryptedKey(content: Uint8Array): boolean {
  if (!asBuffer(content).includes(PRIVATE_KEY)) return false;
  return readPem(content).some(({ label, bytes }) => isKey(label) && bytes && shapeOfKey(bytes) === 'encrypted');
}

const isKey = (label: string): boolean => label.endsWith('PRIVATE KEY');

/** Blocks that belong to a key file but hold nothing for us. */
const PASSED_OVER: Record<string, string> = {
  'EC PARAMETERS': '',
  'DH PARAMETERS': '',
  'PUBLIC KEY': ': send the private key or the certificate',
  'RSA PUBLIC KEY': ': send the private key or the certificate',
};

/** As OpenSSL takes them. */
const CERTIFICATE_LABELS = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']);
const PKCS7_LABELS = new Set(['PKCS7', 'PKCS #7 SIGNED DATA', 'CMS']);

/** What is recognised and described, and not kept. */
const DESCRIBED: Record<string, (der: Uint8Array) => string> = {
  'CERTIFICATE REQUEST': describeRequest,
  'NEW CERTIFICATE REQUEST': describeRequest,
  'X509 CRL': describeCrl,
};

interface BlockAt {
  block: PemBlock;
  index: number;
  passwords: Passwords;
  budget: IterationBudget;
}

function readBlock(container: Container, at: BlockAt): void {
  const { block, index } = at;
  const advice = PASSED_OVER[block.label];
  if (advice !== undefined) {
    container.notices.push(`A ${block.label} block was passed over${advice}.`);
    return;
  }
  if (!block.bytes) {
    container.failures.push({ index, what: block.label, reason: 'MALFORMED', message: `${block.problem}.` });
    return;
  }
  try {
    if (CERTIFICATE_LABELS.has(block.label)) {
      readCertificateBlock(container, { label: block.label, bytes: block.bytes, index });
      return;
    }
    if (PKCS7_LABELS.has(block.label)) {
      readInto(container, block.bytes, index);
      return;
    }
    const description = DESCRIBED[block.label]?.(block.bytes);
    if (description !== undefined) {
      container.notices.push(description);
      return;
    }
    const key = readKey({ ...block, bytes: block.bytes }, at);
    if (key)
      container.keys.push({
        index,
        key,
        encrypted: block.headers.includes('ENCRYPTED') || shapeOfKey(block.bytes) === 'encrypted',
        alias: '',
      });
    else
      container.failures.push({
        index,
        what: block.label,
        reason: 'UNSUPPORTED_CONTENT',
        message: `A ${block.label} block is not a certificate or a private key.`,
      });
  } catch (error) {
    if (!(error instanceof X509Error) || refusesContainer(error)) throw error;
    container.failures.push({ index, what: block.label, reason: error.reason, message: error.message });
  }
}

/** A certificate, also with what OpenSSL trusts it for, or the chain that AD CS calls a certificate. */
function readCertificateBlock(container: Container, block: { label: string; bytes: Uint8Array; index: number }): void {
  const { label, bytes, index } = block;
  if (isPkcs7(bytes)) {
    readInto(container, bytes, index);
    return;
  }
  const der = label === 'TRUSTED CERTIFICATE' ? withoutTrust(bytes) : bytes;
  container.certificates.push({ index, der, facts: readCertificate(der), alias: '' });
  if (der.length < bytes.length)
    container.notices.push(`What OpenSSL trusts certificate ${index} for (TRUSTED CERTIFICATE) was dropped.`);
}

/** X509_CERT_AUX (OpenSSL's own) stands behind the certificate. */
const withoutTrust = (bytes: Uint8Array): Uint8Array => new DerReader(bytes, 'certificate').next(TAG.sequence).raw();

/** By its form, not by its label: what others write under PRIVATE KEY or RSA PRIVATE KEY is not always that. */
function readKey(block: PemBlock & { bytes: Uint8Array }, { passwords, budget }: BlockAt): PrivateKey | undefined {
  if (!isKey(block.label)) return undefined;
  return tryPasswords(block.bytes, passwords, ({ password }) => openKey(block, password, budget));
}

function openKey(block: PemBlock & { bytes: Uint8Array }, password: Password, budget: IterationBudget): PrivateKey {
  if (block.headers.includes('ENCRYPTED')) return readLegacyEncryptedKey(block, password);
  if (block.label === 'OPENSSH PRIVATE KEY') return readOpenSshPrivateKey(block.bytes, password, budget);
  return readAnyPrivateKey(block.bytes, password, budget);
}
