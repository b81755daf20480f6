import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Lease } from './lease.ts';

beforeEach(() => void vi.useFakeTimers({ now: new Date('2026-01-01T00:00:00Z') }));
afterEach(() => void vi.useRealTimers());

/** A database whose clock is two hours behind ours, and which answers as the test says. */
function setUp(extend: (until: Date) => Promise<boolean>): { lease: Lease; lost: () => number | undefined } {
  const began = performance.now();
  const now = () => Promise.resolve(new Date(Date.now() - 7_200_000));
  const lease = new Lease({ now, extend, takenAt: began });
  let lost: number | undefined;
  lease.lost.addEventListener('abort', () => (lost = performance.now() - began));
  return { lease, lost: () => lost };
}
const seconds = async (count: number) => void (await vi.advanceTimersByTimeAsync(count * 1_000));

test('it is extended every 10 seconds to 30 seconds from now, on the clock of the database, until it is stopped', async () => {
  const ends: string[] = [];
  const { lease } = setUp((until) => Promise.resolve(ends.push(until.toISOString()) > 0));
  await seconds(120);
  expect(lease.held).toBe(true);
  expect(ends).toHaveLength(12);
  expect(ends.slice(0, 2)).toEqual(['2025-12-31T22:00:40.000Z', '2025-12-31T22:00:50.000Z']);
  await lease.stop();
  await seconds(60);
  expect(ends).toHaveLength(12);
});

test('one heartbeat may fail, two in a row lose it for good, before its time has passed', async () => {
  const answers = ['ok', 'fails', 'ok', 'fails', 'fails', 'ok', 'ok'];
  const { lease, lost } = setUp(() =>
    answers.shift() === 'ok' ? Promise.resolve(true) : Promise.reject(new Error('no answer')),
  );
  await seconds(49);
  expect(lease.held).toBe(true);
  await seconds(2);
  expect(lease.held).toBe(false);
  expect(lost()).toBe(50_000);
  await seconds(60);
  expect(lease.held).toBe(false);
  expect(answers).toEqual(['ok', 'ok']);
});

test('a lease that somebody else has is lost at the first heartbeat', async () => {
  const { lease, lost } = setUp(() => Promise.resolve(false));
  await seconds(11);
  expect(lease.held).toBe(false);
  expect(lost()).toBe(10_000);
});

test('a database that never answers loses it when its time has passed, and a late answer does not bring it back', async () => {
  let answer: (extended: boolean) => void = () => undefined;
  const { lease, lost } = setUp(() => new Promise((resolve) => (answer = resolve)));
  await seconds(29);
  expect(lease.held).toBe(true);
  await seconds(2);
  expect(lost()).toBe(30_000);
  answer(true);
  await seconds(60);
  expect(lease.held).toBe(false);
  await lease.stop();
});

test('a process that was paused past its lease finds it lost before any timer has run', () => {
  const { lease, lost } = setUp(() => Promise.resolve(true));
  expect(lease.held).toBe(true);
  // As after SIGSTOP and SIGCONT: the clocks have moved, no timer has run yet.
  const now = performance.now();
  vi.spyOn(performance, 'now').mockReturnValue(now + 30_001);
  expect(lease.held).toBe(false);
  expect(lost()).toBeDefined();
  vi.restoreAllMocks();
});

test('stop waits for the heartbeat under way, so that nothing is extended after it', async () => {
  let answer: (extended: boolean) => void = () => undefined;
  const { lease } = setUp(() => new Promise((resolve) => (answer = resolve)));
  await seconds(10);
  let stopped = false;
  const stop = lease.stop().then(() => (stopped = true));
  await seconds(5);
  expect(stopped).toBe(false);
  answer(true);
  await stop;
  expect(lease.held).toBe(true);
});
