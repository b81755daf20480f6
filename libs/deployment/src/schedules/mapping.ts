import type { deploymentV1 } from '@certferry/contracts';
import type { Recurrence } from './recurrence.ts';

export function fromRecurrence(from: deploymentV1.Recurrence | undefined): Recurrence | undefined {
  if (!from) return undefined;
  const { everyMinutes, daily, weekdays, dayOfMonth } = from;
  return {
    ...(everyMinutes !== 0 && { everyMinutes }),
    ...(daily && { daily }),
    ...(weekdays.length > 0 && { weekdays }),
    ...(dayOfMonth !== 0 && { dayOfMonth }),
  };
}

export const toRecurrence = ({ everyMinutes, daily, weekdays, dayOfMonth }: Recurrence): deploymentV1.Recurrence => ({
  everyMinutes: everyMinutes ?? 0,
  daily: daily ?? false,
  weekdays: weekdays ?? [],
  dayOfMonth: dayOfMonth ?? 0,
});
