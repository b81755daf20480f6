import type { Container } from '../container.ts';

const MANY_ITERATIONS = 1_000_000;

export function noticeIterations(container: Container, iterations: number): void {
  if (iterations > MANY_ITERATIONS)
    container.notices.push(`The container took ${iterations} key derivation iterations to open.`);
}
