import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Loop } from './loop.ts';

const rethrow = (error: unknown): void => {
  throw error;
};

describe('on a clock that the test moves', () => {
  afterEach(() => void vi.useRealTimers());

  test('it polls at its interval, and sooner when a round asks for it', async () => {
    vi.useFakeTimers();
    const began = performance.now();
    const rounds: number[] = [];
    const waits = [undefined, undefined, 300, 0, 5_000, undefined];
    const round = () => {
      rounds.push(performance.now() - began);
      return Promise.resolve(waits.shift());
    };
    const loop = new Loop({ round, onError: rethrow, intervalMs: 1_000 });
    loop.kick();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(rounds).toEqual([]);
    loop.start();
    loop.start();
    await vi.advanceTimersByTimeAsync(4_000);
    await loop.stop();
    // At once is a timer of a millisecond.
    expect(rounds.map((at) => at - 5_000)).toEqual([0, 1_000, 2_000, 2_300, 2_301, 3_301]);
  });

  test('rounds that fail are backed off up to the cap, whoever kicks, and a good one ends that', async () => {
    vi.useFakeTimers();
    const rounds: number[] = [];
    const errors: unknown[] = [];
    let down = true;
    const round = () => {
      rounds.push(performance.now());
      return down ? Promise.reject(new Error('down')) : Promise.resolve();
    };
    const loop = new Loop({ round, onError: (error) => errors.push(error), intervalMs: 100, maxBackoffMs: 1_000 });
    loop.start();
    for (let at = 0; at < 20_000; at += 10) {
      await vi.advanceTimersByTimeAsync(10);
      loop.kick();
    }
    expect(errors).toHaveLength(rounds.length);
    const gaps = rounds.slice(1).map((at, i) => at - rounds[i]!);
    [100, 200, 400, 800, 1_000, 1_000].forEach((full, i) => {
      expect(gaps[i]).toBeGreaterThanOrEqual(full / 2);
      expect(gaps[i]).toBeLessThanOrEqual(full + 1);
    });
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_001);
    expect(new Set(gaps.slice(5)).size).toBeGreaterThan(1);
    down = false;
    await vi.advanceTimersByTimeAsync(1_001);
    const before = rounds.length;
    loop.kick();
    expect(rounds).toHaveLength(before + 1);
    await loop.stop();
  });
});

test('never two rounds at once, and kicks during a round are one more round after it', async () => {
  let running = 0;
  let rounds = 0;
  const finish: (() => void)[] = [];
  const round = async () => {
    rounds++;
    expect.soft(++running).toBe(1);
    await new Promise<void>((resolve) => finish.push(resolve));
    running--;
  };
  const { kick, ...loop } = bind(new Loop({ round, onError: rethrow, intervalMs: 60_000 }));
  loop.start();
  for (let i = 0; i < 10; i++) kick();
  expect(rounds).toBe(1);
  finish.shift()!();
  await vi.waitFor(() => expect(rounds).toBe(2));
  finish.shift()!();
  await delay(30);
  expect(rounds).toBe(2);
  kick();
  expect(rounds).toBe(3);
  finish.shift()!();
  await loop.stop();
});

test('stop tells the running round, waits for it, and runs none after it; start begins again', async () => {
  let rounds = 0;
  let ended = 0;
  const round = async (stopping: AbortSignal) => {
    rounds++;
    await new Promise((resolve) => stopping.addEventListener('abort', resolve));
    await delay(20);
    ended++;
    return 0;
  };
  const loop = new Loop({ round, onError: rethrow });
  loop.start();
  loop.kick();
  await loop.stop();
  expect(ended).toBe(1);
  loop.kick();
  await delay(20);
  expect(rounds).toBe(1);
  loop.start();
  expect(rounds).toBe(2);
  await loop.stop();
});

test('rounds that ask for the next at once let everything else run', async () => {
  const loop = new Loop({ round: () => Promise.resolve(0), onError: rethrow });
  loop.start();
  await delay(10);
  await loop.stop();
});

test('rounds do not run in the async context of who kicks or starts', async () => {
  const caller = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const round = async () => {
    seen.push(caller.getStore());
    await delay(1);
    seen.push(caller.getStore());
    if (seen.length === 4) throw new Error('down');
  };
  const onError = () => void seen.push(caller.getStore());
  const loop = new Loop({ round, onError, intervalMs: 60_000, maxBackoffMs: 10 });
  caller.run('who starts', () => loop.start());
  await vi.waitFor(() => expect(seen).toHaveLength(2));
  caller.run('who kicks', () => loop.kick());
  // Twice in the round that fails, once in onError, twice in the round after the back-off.
  await vi.waitFor(() => expect(seen).toHaveLength(7));
  await loop.stop();
  expect(new Set(seen)).toEqual(new Set([undefined]));
});

/** As the loop is handed out: `kick` alone. */
function bind(loop: Loop): { start: () => void; kick: () => void; stop: () => Promise<void> } {
  return { start: () => loop.start(), kick: loop.kick, stop: () => loop.stop() };
}
