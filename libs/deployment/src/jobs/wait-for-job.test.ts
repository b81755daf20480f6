import { backgroundContext, withCallContext } from '@certferry/rpc';
import { expect, test } from 'vitest';
import type { Job } from './job.ts';
import { JobWatch } from './job-watch.ts';
import { waitForJob } from './wait-for-job.ts';

/** A job that somebody else may end, and how often it was looked at. */
function setUp() {
  const job = { _id: 'j', state: 'leased' } as Job;
  const watch = new JobWatch();
  const seen = { looks: 0 };
  const find = () => (seen.looks++, Promise.resolve({ ...job }));
  return { job, watch, seen, wait: (seconds: number) => waitForJob({ jobs: { find, watch } }, 'j', seconds) };
}

test('a step of this process is heard of at once', async () => {
  const { job, watch, seen, wait } = setUp();
  const waiting = wait(10);
  await new Promise((resolve) => setImmediate(resolve));
  job.state = 'done';
  watch.changed('j');
  expect(await waiting).toMatchObject({ state: 'done' });
  expect(seen.looks).toBe(2);
});

test('one of another process is seen at the next look, ten a second at most', async () => {
  const { job, seen, wait } = setUp();
  setTimeout(() => (job.state = 'done'), 350);
  expect(await wait(10)).toMatchObject({ state: 'done' });
  expect(seen.looks).toBeLessThanOrEqual(5);
});

test('nobody waits for a caller who has left', async () => {
  const { seen, wait } = setUp();
  const caller = new AbortController();
  const asked = { ...backgroundContext({ principal: { id: 'k' } }), signal: caller.signal };
  const waiting = withCallContext(asked, () => wait(25));
  const began = performance.now();
  setImmediate(() => caller.abort());
  expect(await waiting).toMatchObject({ state: 'leased' });
  expect(performance.now() - began).toBeLessThan(5_000);
  const { looks } = seen;
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(seen.looks).toBe(looks);
});
