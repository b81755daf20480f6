import { AppError, invalid } from '@certferry/core';
import { IterationBudget, X509Error } from '@certferry/x509';
import type { Container } from './container.ts';
import type { Format, Passwords } from './formats/format.ts';

/** Reads it with the password that opens it. Throws X509Error, or INVALID_ARGUMENT WRONG_PASSWORD. */
export const readWith = (format: Format, content: Uint8Array, passwords: Passwords): Container =>
  format.holdsContainers
    ? format.read(content, passwords)
    : tryPasswords(passwords, (one) => hintAtLineBreak(one, () => format.read(content, one)));

/**
 * Opens with each of the passwords until one is right; all tries have one budget of key derivation iterations.
 * WRONG_PASSWORD says how many were tried, and none of them.
 */
function tryPasswords<T>({ passwords = [], ...one }: Passwords, open: (one: Passwords) => T): T {
  const given = [...new Set(one.password === undefined ? passwords : [one.password, ...passwords])];
  // An empty one lists a Java keystore without its keys: that is for when no other opens it.
  const candidates = [...given.filter((password) => password !== ''), ...given.filter((password) => password === '')];
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

/** What is read from a file often has the end of its line behind the password: a wrong one that has is told so. */
function hintAtLineBreak({ password = '', keyPassword = '' }: Passwords, read: () => Container): Container {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof X509Error) || error.reason !== 'WRONG_PASSWORD') throw error;
    if (!/[\r\n]$/.test(password) && !/[\r\n]$/.test(keyPassword)) throw error;
    const hint = 'The password that was sent ends with a line break: if that is not part of it, send it without.';
    throw invalid(error.reason, `${error.message} ${hint}`);
  }
}
