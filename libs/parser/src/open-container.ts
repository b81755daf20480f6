import { invalid, limitExceeded } from '@certferry/core';
import { DerReader, X509Error } from '@certferry/x509';
import {
  appendContainer,
  emptyContainer,
  nextIndex,
  orderCertificates,
  pairKeys,
  refusesContainer,
  type Container,
} from './container.ts';
import type { Passwords } from './formats/format.ts';
import { FORMATS } from './formats/index.ts';
import { noticeDroppedNames, noticeKeyAttributes } from './formats/notices.ts';
import { recogniseValues, type Recognised } from './recognised.ts';
import { readWith } from './read-with.ts';
import { unwrap } from './unwrap.ts';

export const MAX_CONTAINER_BYTES = 10 * 1024 * 1024;
const MAX_PASSWORD_CHARACTERS = 1_000;
const MAX_PASSWORDS = 100;

/** The limits of a container and its passwords: RESOURCE_EXHAUSTED above 10 MiB, 100 passwords or 1,000 characters, INVALID_ARGUMENT EMPTY. */
export function checkSizes(wrapped: Uint8Array, { password, keyPassword, passwords = [] }: Passwords): void {
  if (wrapped.length === 0) throw invalid('EMPTY', 'The container is empty.');
  if (wrapped.length > MAX_CONTAINER_BYTES) {
    throw limitExceeded(
      'container bytes',
      MAX_CONTAINER_BYTES,
      `The container has ${wrapped.length} bytes; the limit is ${MAX_CONTAINER_BYTES}.`,
    );
  }
  if (passwords.length > MAX_PASSWORDS)
    throw limitExceeded(
      'passwords',
      MAX_PASSWORDS,
      `There are ${passwords.length} passwords; the limit is ${MAX_PASSWORDS}.`,
    );
  const lengths = [password, keyPassword, ...passwords].map((one) => one?.length ?? 0);
  if (Math.max(...lengths) > MAX_PASSWORD_CHARACTERS) {
    throw limitExceeded(
      'password characters',
      MAX_PASSWORD_CHARACTERS,
      `The password is longer than ${MAX_PASSWORD_CHARACTERS} characters.`,
    );
  }
}

/** What a container is, by its bytes. INVALID_ARGUMENT TRUNCATED or UNKNOWN_FORMAT. */
export function recognise(wrapped: Uint8Array): Recognised {
  const { content, notices } = unwrap(wrapped);
  const several = recogniseValues(content);
  if (several) return { ...several, notices: [...notices, ...several.notices] };
  const format = FORMATS.find((one) => one.detect(content));
  if (format) return { format, content, behind: [], notices };
  refuseTruncated(content);
  throw invalid(
    'UNKNOWN_FORMAT',
    'This is not a certificate, a private key or a container that Certferry reads (PEM, DER, PKCS#7, PKCS#12, JKS, JCEKS, BKS).',
  );
}

function refuseTruncated(content: Uint8Array): void {
  if (content[0] !== 0x30) return;
  try {
    new DerReader(content, 'container').next();
  } catch (error) {
    if (error instanceof X509Error && error.reason === 'TRUNCATED') throw error;
  }
}

/** Reads what was recognised and pairs its keys. A container in which nothing can be read is refused with its first failure. */
export function readContainer({ format, content, behind, notices }: Recognised, passwords: Passwords): Container {
  const first: Recognised = { format, content, behind: [], notices: [] };
  const container = behind.length > 0 ? readOneOf(first, passwords) : readWith(format, content, passwords);
  let next = nextIndex(container);
  for (const one of behind) next = appendContainer(container, readOneOf(one, passwords), next);
  container.notices.unshift(...notices);
  pairKeys(container);
  noticeDroppedNames(container);
  noticeKeyAttributes(container);
  const [failure] = container.failures;
  if (container.certificates.length === 0 && container.keys.length === 0 && failure)
    throw invalid(failure.reason, failure.message);
  return container;
}

/** Of values that stand one behind the other each fails alone. */
function readOneOf({ format, content }: Recognised, passwords: Passwords): Container {
  try {
    return readWith(format, content, passwords);
  } catch (error) {
    if (!(error instanceof X509Error) || refusesContainer(error)) throw error;
    const failure = { index: 0, what: 'DER', reason: error.reason, message: error.message };
    return { ...emptyContainer('DER'), failures: [failure] };
  }
}

/** All of it in this process, with the chains: for a child, or where nobody waits. */
export function openContainer(wrapped: Uint8Array, passwords: Passwords): Container {
  checkSizes(wrapped, passwords);
  return orderCertificates(readContainer(recognise(wrapped), passwords));
}
