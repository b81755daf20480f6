import { invalid } from '@certferry/core';
import { Cron } from 'croner';

const UTC = 'UTC';

/** The calendar's day where a clock shows it. */
export interface LocalDay {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  /** 0 (Sunday) to 6. */
  weekday: number;
}

interface LocalTime extends LocalDay {
  hour: number;
  minute: number;
  second: number;
}

/** INVALID_ARGUMENT INVALID_SCHEDULE for what is no name of the IANA time zone database. */
export function checkTimeZone(timeZone: string): void {
  try {
    // Offsets have no summer: only names of places keep a clock time over the year.
    if (/^[A-Za-z]/.test(timeZone)) return void new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    // Refused below.
  }
  const message = `"${timeZone.slice(0, 100)}" is not a time zone; it has a name like Europe/Berlin.`;
  throw invalid('INVALID_SCHEDULE', message, { field: 'timeZone' });
}

/** INVALID_ARGUMENT INVALID_SCHEDULE unless it has 5 fields (minute to day of the week) and a next time. */
export function checkCron(cron: string, timeZone: string | undefined): void {
  const refuse = (why: string) => invalid('INVALID_SCHEDULE', `The cron expression ${why}.`, { field: 'cron' });
  if (cron.length > 100 || cron.trim().split(/\s+/).length !== 5)
    throw refuse('has 5 fields: minute, hour, day of the month, month, day of the week');
  try {
    if (nextByCron(cron, timeZone, new Date())) return;
  } catch (error) {
    throw refuse(`cannot be read: ${(error as Error).message}`);
  }
  throw refuse('names a day that never comes');
}

/** The first moment after `after`; a clock time that is skipped or comes twice in a night counts once. */
export const nextByCron = (cron: string, timeZone: string | undefined, after: Date): Date | undefined =>
  new Cron(cron.trim(), { timezone: timeZone ?? UTC, paused: true }).nextRun(after) ?? undefined;

/** The days after `after` at the clock time that `anchor` has there, the first one first; without an end. */
export function* sameClock(anchor: Date, timeZone: string, after: Date): Generator<{ at: Date; day: LocalDay }> {
  const { hour, minute, second } = localTime(anchor, timeZone);
  const daily = `${second} ${minute} ${hour} * * *`;
  for (let at = nextByCron(daily, timeZone, after); at; at = nextByCron(daily, timeZone, at))
    yield { at, day: localTime(at, timeZone) };
}

function localTime(at: Date, timeZone: string): LocalTime {
  const parts = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, calendar: 'gregory', hourCycle: 'h23' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' },
  }).formatToParts(at);
  const part = (name: string) => Number(parts.find(({ type }) => type === name)!.value);
  const [year, month, day] = [part('year'), part('month'), part('day')];
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  return { year, month, day, weekday, hour: part('hour'), minute: part('minute'), second: part('second') };
}
