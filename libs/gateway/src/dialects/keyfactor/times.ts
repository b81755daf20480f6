import { invalid } from '@certferry/core';
import type { deploymentV1 } from '@certferry/contracts';
import { z } from 'zod';
import { toDotNetTime } from '../display-name.ts';

const FORM = /^(\d{4}-\d{2}-\d{2})T(\d{2})(?::(\d{2}))?(?::(\d{2}))?(?:\.(\d*))?(Z|[+-]\d{2}:?\d{2})?$/i;

/**
 * A time as clients write it: up to 9 digits of a second (Go), none after the point (a naive Python datetime), hours
 * alone, an offset or none (UTC). INVALID_ARGUMENT INVALID_SCHEDULE for anything else.
 */
export function readTime(text: string): Date {
  const [, day, hour, minute = '00', second = '00', fraction = '', zone = 'Z'] = FORM.exec(text.trim()) ?? [];
  const milliseconds = fraction.slice(0, 3).padEnd(3, '0');
  const time = new Date(`${day}T${hour}:${minute}:${second}.${milliseconds}${zone.toUpperCase()}`);
  if (day === undefined || Number.isNaN(time.getTime()))
    throw invalid('INVALID_SCHEDULE', `"${text}" is not a time such as "2027-01-31T12:00:00Z".`);
  return time;
}

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const weekday = z.union([
  z.number().int().min(0).max(6),
  z.string().transform((text, check) => {
    const day = /^[0-6]$/.test(text) ? Number(text) : WEEKDAYS.indexOf(text.toLowerCase());
    if (day < 0) check.addIssue({ code: 'custom', message: `there is no day "${text}"` });
    return day;
  }),
]);
const time = z.string();

/** Keyfactor's Schedule object, keys in lower case. Empty is immediate. */
export const scheduleBody = z.object({
  immediate: z.boolean().nullish(),
  interval: z.object({ minutes: z.coerce.number() }).nullish(),
  daily: z.object({ time }).nullish(),
  weekly: z.object({ days: z.array(weekday), time }).nullish(),
  monthly: z.object({ day: z.coerce.number(), time }).nullish(),
  exactlyonce: z.object({ time }).nullish(),
  off: z.boolean().nullish(),
});

export interface Run {
  runAt?: Date;
  recurrence?: Partial<deploymentV1.Recurrence>;
}

/** When a job runs. INVALID_SCHEDULE for several members at once, and for Off. */
export function readSchedule(schedule: z.infer<typeof scheduleBody>): Run {
  const { immediate, interval, daily, weekly, monthly, exactlyonce, off } = schedule;
  const given = [immediate || undefined, interval, daily, weekly, monthly, exactlyonce].filter((one) => one != null);
  if (given.length > 1) throw invalid('INVALID_SCHEDULE', 'A Schedule has exactly one member.');
  if (off) throw invalid('INVALID_SCHEDULE', 'A job cannot be scheduled as Off.');
  if (interval) return { recurrence: { everyMinutes: interval.minutes } };
  if (daily) return { runAt: readTime(daily.time), recurrence: { daily: true } };
  if (weekly) return { runAt: readTime(weekly.time), recurrence: { weekdays: weekly.days } };
  if (monthly) return { runAt: readTime(monthly.time), recurrence: { dayOfMonth: monthly.day } };
  if (exactlyonce) return { runAt: readTime(exactlyonce.time) };
  return {};
}

/** A job's schedule as Keyfactor writes it; never a null member. */
export function writeSchedule({ recurrence, timeline, nextRunAt, createdAt }: deploymentV1.Job): object {
  const first = timeline.find((entry) => entry.step === 'leased')?.at ?? nextRunAt ?? createdAt!;
  const at = toDotNetTime(nextRunAt ?? first);
  if (recurrence) {
    const { everyMinutes, daily, weekdays, dayOfMonth } = recurrence;
    if (everyMinutes > 0) return { Interval: { Minutes: everyMinutes } };
    if (daily) return { Daily: { Time: at } };
    if (weekdays.length > 0) return { Weekly: { Days: weekdays, Time: at } };
    if (dayOfMonth > 0) return { Monthly: { Day: dayOfMonth, Time: at } };
    // It knows no cron: the next run.
    return { ExactlyOnce: { Time: at } };
  }
  return timeline[0]?.status === 'JOB_STATUS_SCHEDULED' ? { ExactlyOnce: { Time: at } } : { Immediate: true };
}
