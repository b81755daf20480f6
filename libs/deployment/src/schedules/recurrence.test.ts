import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkRecurrence, firstRun, nextRun, type Recurrence } from './recurrence.ts';

const at = (text: string) => new Date(`${text}Z`);

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
  ])('%j is refused', (recurrence, message) => expect(() => checkRecurrence(recurrence)).toThrow(message));
});
