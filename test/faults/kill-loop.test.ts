import { createRandom, hasProgram } from '@certferry/testing';
import { afterAll, test } from 'vitest';
import { JobChecks } from './kill-loop/check-jobs.ts';
import { checkRecords } from './kill-loop/check-records.ts';
import { checkStores } from './kill-loop/check-stores.ts';
import { startScenario } from './kill-loop/scenario.ts';

/** kill -9 of the standalone at random moments while imports and deployments run; the nine invariants after every restart. */
const ROUNDS = Number(process.env['CERTFERRY_TEST_KILL_ROUNDS'] ?? 200);
const SEED = Number(process.env['CERTFERRY_TEST_SEED'] ?? Date.now() % 1_000_000);
/** Side by side: one is starting or waiting while the other works. */
const SYSTEMS = [0, 1].map((n) => ({ rounds: Math.ceil((ROUNDS - n) / 2), seed: SEED + n }));
/** So many more jobs are accepted before every second kill. */
const JOBS = 3;
const PATIENT = { timeout: 30_000, interval: 10 };
const sums = { rounds: 0, jobs: 0, calls: 0, violations: 0 };

afterAll(() =>
  console.log(
    `kill loop: ${sums.rounds} rounds, ${sums.jobs} jobs, ${sums.calls} acknowledged calls, ${sums.violations} violations, CERTFERRY_TEST_SEED=${SEED}`,
  ),
);

test.skipIf(!hasProgram('openssl') || !hasProgram('keytool')).concurrent.for(SYSTEMS)(
  'kill -9, $rounds rounds, seed $seed',
  { timeout: 3_600_000 },
  // The global expect.poll knows one running test, and none after the first of two has ended.
  async ({ rounds, seed }, { expect }) => {
    const scenario = await startScenario(seed);
    const { system, acknowledged, violations } = scenario;
    const jobs = new JobChecks(scenario);
    const random = createRandom(seed);
    for (let round = 1; round <= rounds; round++) {
      const controller = new AbortController();
      const before = acknowledged.jobs.size;
      const loaded = scenario.load(controller.signal);
      // Every second kill comes while jobs are under way, however slow the machine; the others may meet anything.
      if (round % 2 === 0) await expect.poll(() => acknowledged.jobs.size, PATIENT).toBeGreaterThan(before + JOBS);
      await new Promise((resolve) => setTimeout(resolve, 50 + random() * 700));
      await system.stop('SIGKILL');
      controller.abort();
      await loaded;
      await system.restart();
      await jobs.check();
      await checkStores(scenario, round);
      if (round % 20 === 0)
        console.log(
          `kill loop, seed ${seed}: ${round} rounds, ${acknowledged.jobs.size} jobs, ${scenario.fingerprints.size} imports, ${violations.length} violations`,
        );
    }
    await checkRecords(scenario);
    await system.stop();
    sums.rounds += rounds;
    sums.jobs += acknowledged.jobs.size;
    sums.calls += acknowledged.requests.length;
    sums.violations += violations.length;
    expect(violations).toEqual([]);
  },
);
