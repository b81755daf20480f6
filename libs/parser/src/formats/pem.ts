import { Buffer } from 'node:buffer';
import {
  asBuffer,
  decryptPrivateKey,
  IterationBudget,
  readCertificate,
  readLegacyEncryptedKey,
  readOpenSshPrivateKey,
  readPem,
  readPrivateKey,
  readTraditionalDsaKey,
  X509Error,
  type Password,
  type PemBlock,
  type PrivateKey,
} from '@certferry/x509';
import { emptyContainer, refusesContainer, type Container } from '../container.ts';
import type { Format } from './format.ts';
import { noticeIterations } from './notices.ts';
import { readInto } from './pkcs7.ts';
import { describeCrl, describeRequest } from './request.ts';

const BEGIN = Buffer.from('-----BEGIN ');
const ENCRYPTED = Buffer.from('ENCRYPTED');
const OPENSSH = Buffer.from('OPENSSH PRIVATE KEY');

/** PEM (RFC 7468): certificates and keys in any mixture and order, with text around them. */
export const pem: Format = {
  detect: (content) => asBuffer(content).includes(BEGIN),
  needsSandbox: (content) => asBuffer(content).includes(ENCRYPTED) || asBuffer(content).includes(OPENSSH),
  read(content, { password }) {
    const container = emptyContainer('PEM');
    const budget = new IterationBudget();
    for (const [index, block] of readPem(content).entries()) readBlock(container, { block, index, password, budget });
    noticeIterations(container, budget.spent);
    return container;
  },
};

/** Blocks that belong to a key file but hold nothing for us. */
const PASSED_OVER = new Set(['EC PARAMETERS', 'DH PARAMETERS', 'PUBLIC KEY', 'RSA PUBLIC KEY']);

/** What is recognised and described, and not kept. */
const DESCRIBED: Record<string, (der: Uint8Array) => string> = {
  'CERTIFICATE REQUEST': describeRequest,
  'NEW CERTIFICATE REQUEST': describeRequest,
  'X509 CRL': describeCrl,
};

interface BlockAt {
  block: PemBlock;
  index: number;
  password: Password;
  budget: IterationBudget;
}

function readBlock(container: Container, at: BlockAt): void {
  const { block, index } = at;
  if (PASSED_OVER.has(block.label)) {
    container.notices.push(`A ${block.label} block was passed over.`);
    return;
  }
  if (!block.bytes) {
    container.failures.push({ index, what: block.label, reason: 'MALFORMED', message: `${block.problem}.` });
    return;
  }
  try {
    if (block.label === 'CERTIFICATE' || block.label === 'X509 CERTIFICATE') {
      container.certificates.push({ index, der: block.bytes, facts: readCertificate(block.bytes), alias: '' });
      return;
    }
    if (block.label === 'PKCS7' || block.label === 'CMS') {
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
        encrypted: block.label.startsWith('ENCRYPTED') || block.headers !== '',
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

function readKey(block: PemBlock & { bytes: Uint8Array }, { password, budget }: BlockAt): PrivateKey | undefined {
  if (block.headers.includes('ENCRYPTED')) return readLegacyEncryptedKey(block, password);
  switch (block.label) {
    case 'PRIVATE KEY':
      return readPrivateKey(block.bytes, 'pkcs8');
    case 'RSA PRIVATE KEY':
      return readPrivateKey(block.bytes, 'pkcs1');
    case 'EC PRIVATE KEY':
    case 'SM2 PRIVATE KEY':
      return readPrivateKey(block.bytes, 'sec1');
    case 'DSA PRIVATE KEY':
      return readTraditionalDsaKey(block.bytes);
    case 'OPENSSH PRIVATE KEY':
      return readOpenSshPrivateKey(block.bytes, password, budget);
    case 'ENCRYPTED PRIVATE KEY':
      return decryptPrivateKey(block.bytes, password, budget);
    default:
      return undefined;
  }
}
