import { AppError, invalid } from '@certferry/core';
import { IterationBudget } from '@certferry/x509';
import type { Passwords } from './formats/format.ts';

/**
 * Opens with each of the passwords until one is right; all tries have one budget of key derivation iterations.
 * WRONG_PASSWORD says how many were tried, and none of them.
 */
export function tryPasswords<T>({ passwords = [], ...one }: Passwords, open: (one: Passwords) => T): T {
  const candidates = [...new Set(one.password === undefined ? passwords : [one.password, ...passwords])];
  if (candidates.length < 2) return open({ ...one, password: candidates[0] });
  return IterationBudget.together(() => {
    for (const password of candidates) {
      try {
        return open({ ...one, password });
      } catch (error) {
        if (!(error instanceof AppError) || error.reason !== 'WRONG_PASSWORD') throw error;
      }
    }
    throw invalid('WRONG_PASSWORD', `None of the ${candidates.length} passwords opens it.`);
  });
}
