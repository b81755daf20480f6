import { MAX_NAMES } from '@certferry/x509';
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
