import { defineConfig } from 'vitest/config';

const globalSetup = ['libs/testing/src/global-setup.ts'];

/** Suites of whole systems, one after the other as `groupOrder` says; the files of one side by side where that disturbs nothing. */
const ofSystems = (name: string, include: string, groupOrder: number) => ({
  extends: true as const,
  test: {
    name,
    globalSetup,
    include: [include],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    sequence: { groupOrder },
  },
});

export default defineConfig({
  test: {
    // vitest leaves a core free: on two that is one worker.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          globalSetup,
          include: ['{apps,libs}/*/src/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      ofSystems('e2e', 'test/{e2e,dialects,corpus,differential}/**/*.test.ts', 1),
      ofSystems('kill-loop', 'test/faults/kill-loop.test.ts', 2),
      // Measures time: nothing runs beside it.
      ofSystems('bombs', 'test/faults/bombs.test.ts', 3),
    ],
  },
});
