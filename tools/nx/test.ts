import { relative } from 'node:path';
import { startVitest, type TestModule } from 'vitest/node';
import { executors, ownerOf, type RunBatch, workspace } from './batch.ts';

// One run for all: its workers stay busy to the end, and each server is started once.
const testProjects: RunBatch = async (tasks) => {
  const filters = tasks.map(({ root }) => (root === '.' ? 'test/' : `${root}/src/`));
  const vitest = await startVitest('test', filters, { root: workspace, project: ['unit'], run: true, watch: false });
  const { state } = vitest;
  const byTask = Map.groupBy(
    state.getTestModules(),
    ({ moduleId }) => ownerOf(relative(workspace, moduleId), tasks)?.id,
  );
  const stray = state.getUnhandledErrors().map(String);
  await vitest.close();
  process.exitCode = 0; // vitest's, for failed tests: the results say which.
  return Object.fromEntries(
    tasks.map(({ id }) => {
      const modules = byTask.get(id) ?? [];
      const success = stray.length === 0 && modules.every((module) => module.ok());
      return [id, { success, terminalOutput: [summary(modules), ...stray].join('\n') }] as const;
    }),
  );
};

/** What the cache says again: how many tests passed, and which were skipped. */
function summary(modules: TestModule[]): string {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const of = (state: string) => tests.filter((test) => test.result().state === state);
  const lines = [`${modules.length} files, ${of('passed').length} tests passed, ${of('failed').length} failed`];
  for (const test of of('skipped')) lines.push(`skipped: ${test.module.relativeModuleId}: ${test.fullName}`);
  for (const test of of('failed')) lines.push(`failed: ${test.module.relativeModuleId}: ${test.fullName}`);
  return lines.join('\n');
}

export const { one: test, all: testAll } = executors(testProjects);
