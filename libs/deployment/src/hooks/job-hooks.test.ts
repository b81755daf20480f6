import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@certferry/core';
import { hookConfig, Hooks, hooksOf } from '@certferry/store-drivers';
import { temporaryFolder } from '@certferry/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { retryJob } from '../jobs/decide-on-job.ts';
import type { Job } from '../jobs/job.ts';
import { JobBench } from '../testing/job-bench.ts';

// Hooks are real programs: each writes its step into a log, and fails where a file says so.

const folder = temporaryFolder('job-hooks');
const log = join(folder, 'log');
const program = join(folder, 'program.sh');
writeFileSync(
  program,
  `#!/bin/sh
echo "$1" >> ${log}
if [ -e "${folder}/slow-$1" ]; then sleep 30; fi
if [ -e "${folder}/fails-$1" ]; then echo "cannot load key: no start line"; exit 1; fi
if [ -e "${folder}/once-$1" ]; then rm "${folder}/once-$1"; echo "died once"; exit 2; fi
`,
);
chmodSync(program, 0o755);
const makes = (what: 'fails' | 'once' | 'slow', step: string) => writeFileSync(join(folder, `${what}-${step}`), '');
const ran = (): string[] => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').filter(Boolean) : []);

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open();
  const config = z.strictObject(hookConfig).parse({
    hooks: {
      web: { argv: [program, 'web-reload'], test: [program, 'web-test'] },
      mail: { argv: [program, 'mail-reload'], test: [program, 'mail-test'] },
      stop: { argv: [program, 'stop'] },
    },
  });
  bench.context.hooks = new Hooks(hooksOf(config));
});
afterAll(() => bench.close());

const use = (hook: string) => ({ hook, parameters: {} });
const ALL = ['stop', 'web-test', 'mail-test', 'web-reload', 'mail-reload'];
beforeEach(async () => {
  rmSync(log, { force: true });
  for (const step of ALL)
    for (const what of ['fails', 'once', 'slow']) rmSync(join(folder, `${what}-${step}`), { force: true });
  await bench.begin({ hooks: { before: [use('stop')], after: [use('web'), use('mail')] } });
});

const steps = ({ timeline }: Job) => timeline.map(({ step }) => step);
/** A job that has put a first certificate under "a"; the log is empty after it. */
async function first(): Promise<string> {
  const job = await bench.queue('a');
  expect(await bench.attempt(job)).toMatchObject({ state: 'done' });
  rmSync(log, { force: true });
  return job.fingerprintSha256;
}

describe('hooks', () => {
  test('run before the write and after it, all tests before anything is loaded, and are in the job', async () => {
    const job = await bench.queue('a');
    let begun: string[] = [];
    bench.store.next('before write', () => void (begun = ran()));
    const done = await bench.attempt(job);
    expect(begun).toEqual(['stop']);
    expect(ran()).toEqual(ALL);
    expect(done).toMatchObject({ state: 'done' });
    expect(done.hooksDue).toBeUndefined();
    expect(done.hookRuns!.map(({ hook, step, exitCode, again }) => [hook, step, exitCode, again])).toEqual([
      ['stop', 'before', 0, false],
      ['web', 'test', 0, false],
      ['mail', 'test', 0, false],
      ['web', 'reload', 0, false],
      ['mail', 'reload', 0, false],
    ]);
    expect(done.timeline.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^Hook "web", test: succeeded \([\d.]+ s\)\.$/),
    );
  });

  test('do not run where there is nothing to change', async () => {
    const fingerprint = await first();
    const again = await bench.queue('a');
    bench.store.content.set('a', again.fingerprintSha256);
    expect(await bench.attempt(again)).toMatchObject({ state: 'done', changes: [] });
    expect(ran()).toEqual([]);
    expect(fingerprint).not.toBe(again.fingerprintSha256);
  });

  test('before the write that fail leave the store as it was; the job needs a person', async () => {
    const held = await first();
    makes('fails', 'stop');
    const job = await bench.attempt(await bench.queue('a'));
    expect(job).toMatchObject({ state: 'dead', error: { reason: 'HOOK_FAILED', retryable: false } });
    expect(job.error!.message).toBe(
      'The hook "stop" failed before the write: it ended with 1. It said: cannot load key: no start line',
    );
    expect(job.intent).toBeUndefined();
    expect(bench.store.content.get('a')).toBe(held);
    expect(ran()).toEqual(['stop']);
  });
});

describe('a test of the configuration that fails', () => {
  test('puts the old content back, loads nothing, and names the cause as the service did', async () => {
    const held = await first();
    makes('fails', 'mail-test');
    const job = await bench.attempt(await bench.queue('a'));
    expect(bench.store.content.get('a')).toBe(held);
    expect(ran()).toEqual(['stop', 'web-test', 'mail-test']);
    expect(job).toMatchObject({
      state: 'dead',
      status: 'failed',
      error: { reason: 'HOOK_FAILED', retryable: false },
      rolledBack: { ok: true, changes: [{ operation: 'replace', what: 'a', newFingerprintSha256: held }] },
      changes: [],
    });
    expect(job.error!.message).toBe(
      'The hook "mail" does not accept its configuration with the new certificate: it ended with 1. ' +
        'It said: cannot load key: no start line What the store held before is back.',
    );
    expect(job.intent).toBeUndefined();
    expect(steps(job).slice(-2)).toEqual(['verified', 'dead']);
  });

  test('takes away what stood nowhere before', async () => {
    makes('fails', 'web-test');
    const job = await bench.attempt(await bench.queue('a'));
    expect(job).toMatchObject({ state: 'dead', rolledBack: { ok: true, changes: [{ operation: 'delete' }] } });
    expect(bench.store.content.size).toBe(0);
  });

  test('and a retry by hand, once the cause is away, writes again', async () => {
    await first();
    makes('fails', 'web-test');
    const job = await bench.attempt(await bench.queue('a'));
    rmSync(join(folder, 'fails-web-test'));
    const retried = await retryJob(bench.context, job._id);
    expect(retried.rolledBack).toBeUndefined();
    expect(await bench.attempt(job)).toMatchObject({ state: 'done' });
    expect(bench.store.content.get('a')).toBe(job.fingerprintSha256);
  });

  test('overwrites nothing that somebody else has written meanwhile, and says so', async () => {
    await first();
    makes('fails', 'web-test');
    const job = await bench.queue('a');
    const ended = await attemptUntilRollback(job, () => void bench.store.content.set('a', 'somebody else'));
    expect(ended).toMatchObject({ state: 'dead', rolledBack: { ok: false, version: 0 } });
    expect(ended.error!.message).toContain('The store was changed by somebody else after this job');
    expect(bench.store.content.get('a')).toBe('somebody else');
  });
});

/** An attempt during which something happens when the job has said that it rolls back. */
async function attemptUntilRollback(job: Job, act: () => void, lost?: AbortSignal): Promise<Job> {
  const { jobs } = bench.context;
  const step = jobs.step.bind(jobs);
  jobs.step = async (...args) => {
    const next = await step(...args);
    if (args[1].message?.startsWith('Rolling back')) act();
    return next;
  };
  return await bench.attempt(job, lost).finally(() => (jobs.step = step));
}

describe('a reload that fails', () => {
  test('puts the old content back and loads it', async () => {
    const held = await first();
    makes('once', 'mail-reload');
    const job = await bench.attempt(await bench.queue('a'));
    expect(bench.store.content.get('a')).toBe(held);
    expect(ran()).toEqual([...ALL, 'web-test', 'mail-test', 'web-reload', 'mail-reload']);
    expect(job).toMatchObject({ state: 'dead', error: { reason: 'HOOK_FAILED' }, rolledBack: { ok: true } });
    expect(job.error!.message).toMatch(
      /^The hook "mail" did not load the new certificate: it ended with 2\. It said: died once/,
    );
    expect(job.hookRuns!.filter(({ again }) => again).map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
  });

  test('says so where the old one cannot be loaded either', async () => {
    await first();
    makes('fails', 'web-reload');
    const job = await bench.attempt(await bench.queue('a'));
    expect(job.error!.message).toContain('What the store held before is back. But then: The hook "web" did not load');
  });

  test('and cannot be undone now is tried again, and undone then', async () => {
    const held = await first();
    makes('once', 'web-reload');
    const job = await bench.queue('a');
    bench.store.next('before write', () => undefined);
    bench.store.next('before write', () =>
      Promise.reject(new AppError({ code: 'UNAVAILABLE', reason: 'FILE_ERROR', message: 'no room' })),
    );
    const waits = await bench.attempt(job);
    expect(waits).toMatchObject({ state: 'retry', intent: { failure: { reason: 'HOOK_FAILED' } } });
    const ended = await bench.attempt(job);
    expect(ended).toMatchObject({ state: 'dead', error: { reason: 'HOOK_FAILED' }, rolledBack: { ok: true } });
    expect(ended.error!.message).toContain('died once');
    expect(bench.store.content.get('a')).toBe(held);
  });
});

describe('a process that is killed', () => {
  /** Ends an attempt where it is as soon as the log has this many lines. */
  async function killedAt(lines: number, job: Job): Promise<Job> {
    const lost = new AbortController();
    const watch = setInterval(() => ran().length >= lines && lost.abort(new Error('killed')), 5);
    return await bench.attempt(job, lost.signal).finally(() => clearInterval(watch));
  }

  test('between the write and the reload: the reload runs, once, and what had succeeded does not run again', async () => {
    const job = await bench.queue('a');
    makes('slow', 'web-reload');
    expect(await killedAt(4, job)).toMatchObject({ state: 'verified', hooksDue: true });
    rmSync(join(folder, 'slow-web-reload'));
    rmSync(log);
    const done = await bench.attempt(job);
    expect(done).toMatchObject({ state: 'done' });
    expect(bench.store.writes).toBe(1);
    // The killed one may have done its work or not: it runs again.
    expect(ran()).toEqual(['web-reload', 'mail-reload']);
  });

  test('right after the write, before it was recorded: all hooks after it run', async () => {
    const job = await bench.queue('a');
    const lost = new AbortController();
    bench.store.next('after write', () => lost.abort(new Error('killed')));
    await bench.attempt(job, lost.signal);
    rmSync(log);
    expect(await bench.attempt(job)).toMatchObject({ state: 'done' });
    expect(ran()).toEqual(ALL.slice(1));
  });

  test('during a rollback: the rollback is finished', async () => {
    const held = await first();
    makes('once', 'web-reload');
    const again = await bench.queue('a');
    const lost = new AbortController();
    const left = await attemptUntilRollback(again, () => lost.abort(new Error('killed')), lost.signal);
    expect(left).toMatchObject({ state: 'verified', intent: { failure: { reload: true } } });
    expect(bench.store.content.get('a')).toBe(again.fingerprintSha256);
    expect(await bench.attempt(again)).toMatchObject({ state: 'dead', rolledBack: { ok: true } });
    expect(bench.store.content.get('a')).toBe(held);
  });

  test('a job that ended for good after its write runs its hooks when it is retried by hand', async () => {
    const job = await bench.queue('a');
    // As after ten attempts whose process ended each time.
    const lost = new AbortController();
    bench.store.next('after write', () => lost.abort(new Error('killed')));
    await bench.attempt(job, lost.signal);
    await bench.context.jobs.model.updateOne({ _id: job._id }, { $set: { state: 'dead', status: 'failed' } });
    rmSync(log);
    await retryJob(bench.context, job._id);
    expect(await bench.attempt(job)).toMatchObject({ state: 'done', changes: [] });
    expect(ran()).toEqual(ALL.slice(1));
  });
});

test('a hook that the configuration has no more fails the job by its name', async () => {
  const held = await first();
  const { hooks } = bench.context;
  bench.context.hooks = new Hooks(new Map());
  const job = await bench.attempt(await bench.queue('a')).finally(() => (bench.context.hooks = hooks));
  expect(job).toMatchObject({ state: 'dead', error: { reason: 'HOOK_FAILED' } });
  expect(job.error!.message).toContain('There is no hook "stop"');
  expect(bench.store.content.get('a')).toBe(held);
});
