import { IterationBudget, X509Error } from '@certferry/x509';
import type { Passwords } from './formats/format.ts';

/** One password, where `Passwords` has a list of them. */
type Candidate = Omit<Passwords, 'passwords'>;

/**
 * Opens `bytes` with each of the passwords until one is right; all tries have one budget of key derivation iterations.
 * WRONG_PASSWORD says how many were tried, and none of them. Throws what `open` throws.
 */
export function tryPasswords<T>(
  bytes: Uint8Array,
  { passwords = [], ...one }: Passwords,
  open: (candidate: Candidate) => T,
): T {
  const given = [...new Set(one.password === undefined ? passwords : [one.password, ...passwords])];
  // An empty one lists a Java keystore without its keys: that is for when no other opens it.
  const candidates = [...given.filter((password) => password !== ''), ...given.filter((password) => password === '')];
  if (candidates.length < 2) return openWith({ ...one, password: candidates[0] }, open);
  return IterationBudget.together(() => {
    for (const [position, password] of candidates.entries()) {
      if (position > 0) IterationBudget.spendTry(bytes.length);
      try {
        return openWith({ ...one, password }, open);
      } catch (error) {
        if (!(error instanceof X509Error) || error.reason !== 'WRONG_PASSWORD') throw error;
      }
    }
    throw new X509Error({
      code: 'INVALID_ARGUMENT',
      reason: 'WRONG_PASSWORD',
      message: `None of the ${candidates.length} passwords opens it.`,
    });
  });
}

/** What is read from a file often has the end of its line behind the password: a wrong one that has is told so. */
function openWith<T>(candidate: Candidate, open: (candidate: Candidate) => T): T {
  const { password = '', keyPassword = '' } = candidate;
  try {
    return open(candidate);
  } catch (error) {
    if (!(error instanceof X509Error) || error.reason !== 'WRONG_PASSWORD') throw error;
    if (!/[\r\n]$/.test(password) && !/[\r\n]$/.test(keyPassword)) throw error;
    const { code, reason, message } = error;
    const hint = 'The password that was sent ends with a line break: if that is not part of it, send it without.';
    throw new X509Error({ code, reason, message: `${message} ${hint}` });
  }
}
