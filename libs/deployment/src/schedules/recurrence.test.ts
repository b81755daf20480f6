import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkRecurrence, firstRun, nextRun, type Recurrence } from './recurrence.ts';

const at = (text: string) => new Date(`${text}Z`);
const cronAt = (time: Date, timeZone: string): string => {
  const [hour, minute] = time.toLocaleTimeString('sv', { timeZone }).split(':');
  return `${Number(minute)} ${Number(hour)} * * *`;
};

describe('a recurrence', () => {
  test.each<[Recurrence, string, string, string]>([
    [{ everyMinutes: 15 }, '2026-01-01T00:00', '2026-01-01T00:00', '2026-01-01T00:15'],
    [{ everyMinutes: 15 }, '2026-01-01T00:00', '2026-01-01T07:46', '2026-01-01T08:00'],
    [{ daily: true }, '2026-01-01T23:30', '2026-01-01T23:30', '2026-01-02T23:30'],
    [{ daily: true }, '2026-01-01T23:30', '2026-03-01T12:00', '2026-03-01T23:30'],
    [{ weekdays: [0, 3] }, '2026-11-25T08:00', '2026-11-25T08:00', '2026-11-29T08:00'],
    [{ dayOfMonth: 31 }, '2026-01-31T08:00', '2026-01-31T08:00', '2026-02-28T08:00'],
    [{ dayOfMonth: 29 }, '2028-01-29T08:00', '2028-02-01T08:00', '2028-02-29T08:00'],
  ])('%j from %s after %s runs at %s', (recurrence, anchor, after, expected) =>
    expect(nextRun(recurrence, at(anchor), at(after))).toEqual(at(expected)),
  );

  const berlin = { timeZone: 'Europe/Berlin' };
  test.each<[string, Recurrence, string, string, string]>([
    ['in winter', { daily: true, ...berlin }, '2026-01-10T01:00', '2026-02-01T12:00', '2026-02-02T01:00'],
    [
      'the same clock in summer',
      { daily: true, ...berlin },
      '2026-01-10T01:00',
      '2026-07-01T12:00',
      '2026-07-02T00:00',
    ],
    [
      'in the south',
      { daily: true, timeZone: 'Australia/Sydney' },
      '2026-01-10T15:00',
      '2026-07-01T12:00',
      '2026-07-01T16:00',
    ],
    [
      'on days there',
      { weekdays: [1], timeZone: 'Asia/Tokyo' },
      '2026-01-04T16:00',
      '2026-01-05T00:00',
      '2026-01-11T16:00',
    ],
    [
      'on the last day there',
      { dayOfMonth: 31, timeZone: 'Asia/Tokyo' },
      '2026-01-30T16:00',
      '2026-02-01T00:00',
      '2026-02-27T16:00',
    ],
    ['by cron', { cron: '30 2 * * 1-5', ...berlin }, '2026-01-01T00:00', '2026-07-03T12:00', '2026-07-06T00:30'],
    ['by cron without a zone', { cron: '0 4 1 * *' }, '2026-01-01T00:00', '2026-07-03T12:00', '2026-08-01T04:00'],
  ])('%s', (_, recurrence, anchor, after, expected) =>
    expect(nextRun(recurrence, at(anchor), at(after))).toEqual(at(expected)),
  );

  // The nights in which a clock is put forward or back, with a time that is skipped or comes twice.
  test.each<[string, string, string, string]>([
    ['Europe/Berlin', '2026-01-10T01:30', '2026-03-26T12:00', '2026-04-01T12:00'],
    ['Europe/Berlin', '2026-01-10T01:30', '2026-10-22T12:00', '2026-10-28T12:00'],
    ['America/New_York', '2026-01-10T07:30', '2026-03-05T18:00', '2026-03-11T18:00'],
    ['America/New_York', '2026-01-10T06:30', '2026-10-29T18:00', '2026-11-04T18:00'],
    ['Australia/Lord_Howe', '2026-01-10T15:15', '2026-10-01T00:00', '2026-10-07T00:00'],
  ])('over a change of the clock in %s every day once (%s)', (timeZone, anchor, from, to) => {
    for (const recurrence of [
      { daily: true, timeZone },
      { cron: cronAt(at(anchor), timeZone), timeZone },
    ]) {
      const runs: Date[] = [];
      for (
        let run = nextRun(recurrence, at(anchor), at(from));
        run <= at(to);
        run = nextRun(recurrence, at(anchor), run)
      )
        runs.push(run);
      const days = runs.map((run) => run.toLocaleDateString('sv', { timeZone }));
      expect(new Set(days).size).toBe(6);
      expect(days).toHaveLength(6);
    }
  });

  test('begins now, at its start, or on the first of its days', () => {
    const now = at('2026-11-25T10:00');
    expect(firstRun({ everyMinutes: 5 }, undefined, now)).toEqual(now);
    expect(firstRun({ daily: true }, at('2026-11-25T12:00'), now)).toEqual(at('2026-11-25T12:00'));
    expect(firstRun({ daily: true }, at('2020-01-01T09:00'), now)).toEqual(at('2026-11-26T09:00'));
    expect(firstRun({ weekdays: [5] }, at('2026-11-25T12:00'), now)).toEqual(at('2026-11-27T12:00'));
  });

  test('is always later, and never two days of a daily one apart', () => {
    const moments = fc.date({ min: at('2000-01-01'), max: at('2100-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(moments, moments, (anchor, after) => {
        const next = nextRun({ daily: true }, anchor, after).getTime();
        expect(next).toBeGreaterThan(after.getTime());
        expect(next - Math.max(after.getTime(), anchor.getTime())).toBeLessThanOrEqual(86_400_000);
      }),
    );
  });

  test.each<[Recurrence, string]>([
    [{}, 'one of'],
    [{ daily: true, dayOfMonth: 1 }, 'one of'],
    [{ everyMinutes: 0 }, '1 to 525600 minutes'],
    [{ weekdays: [] }, 'Weekdays'],
    [{ weekdays: [7] }, 'Weekdays'],
    [{ dayOfMonth: 32 }, '1 to 31'],
    [{ timeZone: 'Europe/Berlin' }, 'one of'],
    [{ daily: true, timeZone: 'Europe/Berlan' }, 'not a time zone'],
    [{ daily: true, timeZone: '+02:00' }, 'not a time zone'],
    [{ cron: '0 0 * * * *' }, '5 fields'],
    [{ cron: '61 0 * * *' }, 'cannot be read'],
    [{ cron: '0 0 30 2 *' }, 'never comes'],
  ])('%j is refused', (recurrence, message) => expect(() => checkRecurrence(recurrence)).toThrow(message));
});
