import { Problem, type Import, type ImportFields } from '@certferry/rest';
import type { Passwords } from './passwords.ts';

/** Sends a container once. */
type Attempt = (secrets: Pick<ImportFields, 'password' | 'keyPassword'>) => Promise<Import>;

/** Sends a container with one password after the other until it opens. The last try's Problem when none does. */
export async function sendWithPasswords(
  attempt: Attempt,
  { file, passwords }: { file: string; passwords: Passwords },
): Promise<Import> {
  const { keyPassword, hint } = passwords;
  let last = new Problem({ status: 400, reason: 'PASSWORD_REQUIRED', detail: 'No password was given.', requestId: '' });
  for await (const password of passwords.candidates(file)) {
    try {
      return await attempt({ password, keyPassword });
    } catch (error) {
      if (!(error instanceof Problem) || !['PASSWORD_REQUIRED', 'WRONG_PASSWORD'].includes(error.reason)) throw error;
      last = error;
    }
  }
  throw last.reason === 'WRONG_PASSWORD' ? new Problem({ ...last, detail: last.detail + hint }) : last;
}
