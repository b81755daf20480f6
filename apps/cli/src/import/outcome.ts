import type { Import, ImportItem } from '@certferry/rest';
import type { Source } from './find-sources.ts';
import { joinTries } from './join-tries.ts';

/** What became of one file. */
export interface Outcome {
  file: string;
  status: 'completed' | 'partial' | 'failed' | 'passed over' | 'inspected';
  /** Of what could not be opened or was passed over: UPPER_SNAKE where the server said it, and a sentence. */
  reason?: string;
  message?: string;
  /** What the server did, where it could open the file. */
  import?: Import;
}

/** A file whose reason is one of these holds nothing of what is kept; of a file that nobody named that is no failure. */
const NOT_OURS = new Set(['EMPTY', 'NOTHING_TO_IMPORT', 'UNKNOWN_FORMAT']);

/** Of a file that could not be opened. */
export function refused({ name, isNamed }: Source, why: { reason?: string; message: string }): Outcome {
  const isOther = !isNamed && why.reason !== undefined && NOT_OURS.has(why.reason);
  return { file: name, status: isOther ? 'passed over' : 'failed', ...why };
}

/** Of a file that was opened. */
export const opened = ({ name }: Source, answer: Import): Outcome => ({
  file: name,
  status: toStatus(answer),
  import: answer,
});

function toStatus(answer: Import): Outcome['status'] {
  const ended = answer.problem || answer.status === 'cancelled';
  if (answer.failed === 0 && !ended) return answer.status === 'inspected' ? 'inspected' : 'completed';
  return isIn(answer) ? 'partial' : 'failed';
}

const isIn = ({ created, updated, unchanged }: Import) => created + updated + unchanged > 0;

export const isFailed = ({ result }: ImportItem): boolean => result === 'failed';

/** Whether it is in the inventory, or would be. */
export const isTaken = ({ result }: ImportItem): boolean => result !== 'failed' && result !== 'passed_over';

/** Whether something of it is in the inventory, or would be. */
export const cameIn = (outcome: Outcome): boolean => outcome.import?.items.some(isTaken) ?? false;

const isLoneKey = ({ reason }: ImportItem) => reason === 'NO_CERTIFICATE_FOR_KEY';

export const hasLoneKey = (outcome: Outcome): boolean => outcome.import?.items.some(isLoneKey) ?? false;

/** The outcome with what became of its lone keys when it was sent again. */
export function withSecondTry(first: Outcome, second: Import): Outcome {
  const joined = joinTries(first.import!, second);
  return { ...first, status: toStatus(joined), import: joined };
}

/** The outcome of a dry run whose lone keys may belong to another file: only what is kept can bring them together. */
export function withoutLoneKeys(outcome: Outcome): Outcome {
  const answer = outcome.import!;
  const items = answer.items.filter((item) => !isLoneKey(item));
  const notice = 'It has a key without its certificate; a dry run does not look for it in the other files.';
  const notices = [...(answer.notices ?? []), notice];
  const joined = { ...answer, items, notices, failed: answer.failed - (answer.items.length - items.length) };
  return { ...outcome, status: toStatus(joined), import: joined };
}

/** How many of each, over all files. */
export interface Totals {
  created: number;
  updated: number;
  unchanged: number;
  /** Certificates and keys, and files that could not be opened. */
  failed: number;
  /** Files, and those of large archives. */
  passedOver: number;
}

export function toTotals(outcomes: Outcome[]): Totals {
  const totals = { created: 0, updated: 0, unchanged: 0, failed: 0, passedOver: 0 };
  for (const { status, import: answer } of outcomes) {
    if (status === 'passed over') totals.passedOver++;
    else if (!answer) totals.failed++;
    for (const result of ['created', 'updated', 'unchanged', 'failed', 'passedOver'] as const)
      totals[result] += answer?.[result] ?? 0;
    if (answer?.problem || answer?.status === 'cancelled') totals.failed++;
  }
  return totals;
}
