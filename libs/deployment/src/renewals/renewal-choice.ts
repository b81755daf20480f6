import { invalid } from '@certferry/core';

/** What a store says of certificates that replace one it holds. */
export interface RenewalChoice {
  /** Put there as soon as it can be; when somebody asks; or left alone. */
  mode: 'automatic' | 'ask' | 'never';
  /** Of "automatic": not earlier than so many days before what is there expires. Absent: at once. */
  leadTimeDays?: number;
}

export const DEFAULT_MODE = 'ask';
const MAX_DAYS = 3_650;

/** INVALID_ARGUMENT INVALID_FIELD for a lead time beyond 1 to 3,650 days, or of another mode than automatic. */
export function checkRenewalChoice({ mode, leadTimeDays }: RenewalChoice): void {
  if (leadTimeDays === undefined) return;
  const refuse = (message: string) => invalid('INVALID_FIELD', message, { field: 'renewal.leadTimeDays' });
  if (mode !== 'automatic') throw refuse(`A lead time goes with automatic renewals, not with "${mode}".`);
  if (!Number.isInteger(leadTimeDays) || leadTimeDays < 1 || leadTimeDays > MAX_DAYS)
    throw refuse(`A lead time is 1 to ${MAX_DAYS} days.`);
}
