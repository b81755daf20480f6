import { describeAttribute, MAX_NAMES } from '@certferry/x509';
import type { Container } from '../container.ts';

const MANY_ITERATIONS = 1_000_000;

export function noticeIterations(container: Container, iterations: number): void {
  if (iterations > MANY_ITERATIONS)
    container.notices.push(`The container took ${iterations} key derivation iterations to open.`);
}

/** Says of every certificate what of it was left out. */
export function noticeDroppedNames(container: Container): void {
  for (const { index, facts } of container.certificates) {
    if (facts.droppedNames > 0)
      container.notices.push(
        `Certificate ${index} has ${facts.droppedNames} alternative names above the limit of ${MAX_NAMES}; they are not kept.`,
      );
  }
}

/** Says what else a container knew of a key or a certificate, which is not kept. */
export function noticeAttributes(
  container: Container,
  { what, alias, attributes }: { what: string; alias: string; attributes: string[] },
): void {
  const name = alias === '' ? `A ${what}` : `The ${what} "${alias}"`;
  container.notices.push(`${name} has attributes that are not kept: ${attributes.join(', ')}.`);
}

/** The same of attributes inside private keys (PKCS#8). */
export function noticeKeyAttributes(container: Container): void {
  for (const { key, alias } of container.keys)
    if (key.droppedAttributes)
      noticeAttributes(container, {
        what: 'private key',
        alias,
        attributes: key.droppedAttributes.map((oid) => describeAttribute(oid)),
      });
}
