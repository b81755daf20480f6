import { archiveOf } from './archive/open-archive.ts';
import { orderCertificates, type Container } from './container.ts';
import type { Passwords } from './formats/format.ts';
import { checkSizes, readContainer, recognise } from './open-container.ts';
import { needsSandbox } from './recognised.ts';

/** A container up to here is read in a millisecond or two, whatever is in it. */
export const MAX_FAST_BYTES = 64 * 1024;
/** With so many certificates the order is worked out without making others wait, if their keys are ordinary ones. */
const MAX_FAST_CERTIFICATES = 20;
const MAX_FAST_KEY_BITS = 4096;

/**
 * Reads small plain certificates and keys, at once. Undefined for what derives a key, opens a container, is large or
 * has signatures that cost time: that is for a child, so that nobody waits behind it.
 */
export function readFast(content: Uint8Array, passwords: Passwords): Container | undefined {
  checkSizes(content, passwords);
  if (content.length > MAX_FAST_BYTES || archiveOf(content)) return undefined;
  const recognised = recognise(content);
  if (needsSandbox(recognised)) return undefined;
  const container = readContainer(recognised, passwords);
  return isQuickToOrder(container) ? orderCertificates(container) : undefined;
}

/** RSA and curves by their bits; what has no size here (post-quantum keys, DSA's parameters) may be slow. */
function isQuickToOrder({ certificates }: Container): boolean {
  if (certificates.length <= 1) return true;
  return (
    certificates.length <= MAX_FAST_CERTIFICATES &&
    certificates.every(({ facts }) => facts.keySize > 0 && facts.keySize <= MAX_FAST_KEY_BITS)
  );
}
