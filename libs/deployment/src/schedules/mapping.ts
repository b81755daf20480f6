import type { deploymentV1 } from '@certferry/contracts';
import type { Recurrence } from './recurrence.ts';

export function fromRecurrence(from: deploymentV1.Recurrence | undefined): Recurrence | undefined {
  if (!from) return undefined;
  const { everyMinutes, daily, weekdays, dayOfMonth, cron, timeZone } = from;
  return {
    ...(everyMinutes !== 0 && { everyMinutes }),
    ...(daily && { daily }),
    ...(weekdays.length > 0 && { weekdays }),
    ...(dayOfMonth !== 0 && { dayOfMonth }),
    ...(cron !== '' && { cron }),
    ...(timeZone !== '' && { timeZone }),
  };
}

export const toRecurrence = (from: Recurrence): deploymentV1.Recurrence => ({
  everyMinutes: from.everyMinutes ?? 0,
  daily: from.daily ?? false,
  weekdays: from.weekdays ?? [],
  dayOfMonth: from.dayOfMonth ?? 0,
  cron: from.cron ?? '',
  timeZone: from.timeZone ?? '',
});
