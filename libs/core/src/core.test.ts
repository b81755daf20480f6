import { expect, test } from 'vitest';
import { AppError, decodeCursor, encodeCursor, FixedClock, newId, notFound, pageLimit } from './index.ts';

test('ids are UUIDv7 and sort in the order they were made', () => {
  const ids = Array.from({ length: 10_000 }, newId);
  expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(
    true,
  );
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a cursor comes back as it went in, and only for its own sort', () => {
  const cursor = { sort: 'name', value: 'Zürich 東京', id: 'x' };
  expect(encodeCursor(cursor)).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(decodeCursor(encodeCursor(cursor), 'name')).toEqual(cursor);
  for (const bad of ['', 'x', encodeCursor(cursor).slice(3), btoa('[1,2]'), btoa('{"$gt":""}')]) {
    expect(() => decodeCursor(bad, 'name')).toThrow(/cursor/);
  }
  expect(() => decodeCursor(encodeCursor(cursor), '-name')).toThrow(/cursor/);
});

test('page limits hold at 500 and one above', () => {
  expect(pageLimit(0)).toBe(50);
  expect(pageLimit(500)).toBe(500);
  expect(() => pageLimit(501)).toThrow(/1 to 500/);
  expect(() => pageLimit(-1)).toThrow(AppError);
});

test('a fixed clock moves when told', () => {
  const clock = new FixedClock('2026-01-01T00:00:00Z');
  clock.advance(1000);
  expect(clock.now().toISOString()).toBe('2026-01-01T00:00:01.000Z');
  expect(notFound('certificate', 'x')).toMatchObject({ code: 'NOT_FOUND', reason: 'CERTIFICATE_NOT_FOUND' });
});
