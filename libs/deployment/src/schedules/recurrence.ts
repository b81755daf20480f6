import { invalid } from '@certferry/core';
import { checkCron, checkTimeZone, nextByCron, sameClock, type LocalDay } from './time-zone.ts';

/** When a deployment is made again. Exactly one field beside the time zone; the clock time is the first run's. */
export interface Recurrence {
  everyMinutes?: number;
  daily?: boolean;
  /** 0 (Sunday) to 6. */
  weekdays?: number[];
  /** 1 to 31; in a shorter month its last day. */
  dayOfMonth?: number;
  /** Minute, hour, day of the month, month, day of the week. */
  cron?: string;
  /** Where clock times and days are meant, by its IANA name; absent: UTC. */
  timeZone?: string;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MAX_MINUTES = 525_600;

/** INVALID_ARGUMENT INVALID_SCHEDULE for anything but exactly one field within its bounds. */
export function checkRecurrence({ everyMinutes, daily, weekdays, dayOfMonth, cron, timeZone }: Recurrence): void {
  const refuse = (message: string) => invalid('INVALID_SCHEDULE', message, { field: 'schedule' });
  const given = [everyMinutes, daily, weekdays, dayOfMonth, cron].filter((one) => one !== undefined);
  if (given.length !== 1)
    throw refuse('A recurrence is one of: every so many minutes, daily, on weekdays, on a day of the month, cron.');
  const within = (value: number, from: number, to: number) => Number.isInteger(value) && value >= from && value <= to;
  if (everyMinutes !== undefined && !within(everyMinutes, 1, MAX_MINUTES))
    throw refuse(`An interval has 1 to ${MAX_MINUTES} minutes.`);
  if (weekdays && (weekdays.length === 0 || !weekdays.every((day) => within(day, 0, 6))))
    throw refuse('Weekdays are numbers from 0 (Sunday) to 6, at least one.');
  if (dayOfMonth !== undefined && !within(dayOfMonth, 1, 31)) throw refuse('A day of the month is 1 to 31.');
  if (timeZone !== undefined) checkTimeZone(timeZone);
  if (cron !== undefined) checkCron(cron, timeZone);
}

/** The first run: at `start` if that is a day of the recurrence and not past, else the next one after now. */
export function firstRun(recurrence: Recurrence, start: Date | undefined, now: Date): Date {
  if (!start) return recurrence.everyMinutes === undefined ? nextRun(recurrence, now, now) : now;
  return nextRun(recurrence, start, new Date(Math.max(now.getTime(), start.getTime()) - 1));
}

/** The first moment after `after` with the clock time of `anchor`: a clock that jumped ahead fires once, not often. */
export function nextRun(recurrence: Recurrence, anchor: Date, after: Date): Date {
  if (recurrence.everyMinutes !== undefined) {
    const step = recurrence.everyMinutes * MINUTE_MS;
    const steps = Math.max(0, Math.floor((after.getTime() - anchor.getTime()) / step) + 1);
    return new Date(anchor.getTime() + steps * step);
  }
  const { cron, timeZone } = recurrence;
  if (cron !== undefined) return nextByCron(cron, timeZone, after)!;
  if (timeZone !== undefined) {
    for (const { at, day } of sameClock(anchor, timeZone, latest(after, new Date(anchor.getTime() - 1))))
      if (isDay(recurrence, day)) return at;
  }
  const clock = anchor.getTime() % DAY_MS;
  const first = Math.floor(after.getTime() / DAY_MS);
  for (let day = first; ; day++) {
    const at = new Date(day * DAY_MS + clock);
    if (at > after && at >= anchor && isDay(recurrence, utcDay(at))) return at;
  }
}

const latest = (a: Date, b: Date): Date => (a > b ? a : b);

const utcDay = (at: Date): LocalDay => ({
  year: at.getUTCFullYear(),
  month: at.getUTCMonth() + 1,
  day: at.getUTCDate(),
  weekday: at.getUTCDay(),
});

function isDay({ daily, weekdays, dayOfMonth }: Recurrence, { year, month, day, weekday }: LocalDay): boolean {
  if (daily) return true;
  if (weekdays) return weekdays.includes(weekday);
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return day === Math.min(dayOfMonth!, last);
}
