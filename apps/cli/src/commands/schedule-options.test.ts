import { expect, test } from 'vitest';
import { toSchedule, type ScheduleOptions } from './schedule-options.ts';

const at = '2026-12-01T02:00:00+01:00';

test.each<[ScheduleOptions, ReturnType<typeof toSchedule>]>([
  [{}, undefined],
  [{ at }, { at }],
  [{ every: '30m' }, { everyMinutes: 30 }],
  [{ every: '6h' }, { everyMinutes: 360 }],
  [
    { at, every: 'day', timeZone: 'Europe/Berlin' },
    { at, daily: true, timeZone: 'Europe/Berlin' },
  ],
  [{ every: 'Mon,thu' }, { weekdays: [1, 4] }],
  [{ every: '15' }, { dayOfMonth: 15 }],
  [
    { cron: '0 2 * * 1-5', timeZone: 'Asia/Tokyo' },
    { cron: '0 2 * * 1-5', timeZone: 'Asia/Tokyo' },
  ],
])('%j', (options, schedule) => expect(toSchedule(options)).toEqual(schedule));

test.each<[ScheduleOptions, string]>([
  [{ every: 'day', cron: '0 2 * * *' }, 'not both'],
  [{ every: 'weekly' }, 'not "weekly"'],
  [{ every: '0m' }, 'not "0m"'],
  [{ at, timeZone: 'Europe/Berlin' }, 'has its offset'],
])('%j is wrong usage', (options, message) => expect(() => toSchedule(options)).toThrow(message));
