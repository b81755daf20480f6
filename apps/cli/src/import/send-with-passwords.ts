import { Problem, type Import, type ImportFields } from '@certferry/rest';
import { joinTries } from './join-tries.ts';
import type { Passwords } from './passwords.ts';

/** Sends a container once. */
type Attempt = (secrets: Pick<ImportFields, 'password' | 'passwords' | 'keyPassword'>) => Promise<Import>;

const MAX_PROMPTS = 3;
const LACKS_PASSWORD = new Set<string | undefined>(['PASSWORD_REQUIRED', 'WRONG_PASSWORD']);

/**
 * Sends a container with the passwords that are known, and again with each that is typed, until it opens; of an archive
 * until all its files do. The last try's Problem when it does not open.
 */
export async function sendWithPasswords(
  attempt: Attempt,
  { file, passwords }: { file: string; passwords: Passwords },
): Promise<Import> {
  let last = await outcomeOf(attempt, passwords);
  for (let tries = 0; tries < MAX_PROMPTS; tries++) {
    const closed = whatIsClosed(last);
    if (closed === undefined || !(await passwords.ask(closed === '' ? file : `${file}: ${closed}`))) break;
    const next = await outcomeOf(attempt, passwords);
    last = last instanceof Problem || next instanceof Problem ? next : joinTries(last, next);
  }
  if (!(last instanceof Problem)) return last;
  throw last.reason === 'WRONG_PASSWORD' ? new Problem({ ...last, detail: last.detail + passwords.hint }) : last;
}

/** A Problem that a password may mend is an outcome, others are thrown. */
async function outcomeOf(attempt: Attempt, passwords: Passwords): Promise<Import | Problem> {
  try {
    return await attempt(passwords.known());
  } catch (error) {
    if (!(error instanceof Problem) || !LACKS_PASSWORD.has(error.reason)) throw error;
    return error;
  }
}

/** The file of an archive that did not open, '' for the container itself; undefined when all of it is open. */
function whatIsClosed(outcome: Import | Problem): string | undefined {
  if (outcome instanceof Problem) return '';
  const item = outcome.items.find(({ reason }) => LACKS_PASSWORD.has(reason));
  return item && (item.file ?? '');
}
