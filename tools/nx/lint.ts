import { relative } from 'node:path';
import { ESLint } from 'eslint';
import { executors, ownerOf, ROOT_FOLDERS, type RunBatch, workspace } from './batch.ts';

// The types of the whole tree are read once a start of ESLint: 25 starts would read them 25 times.
const lintProjects: RunBatch = async (tasks) => {
  const eslint = new ESLint({ cwd: workspace });
  const patterns = tasks.flatMap(({ root }) => (root === '.' ? [...ROOT_FOLDERS, '*.ts', '*.js'] : [root]));
  const results = await eslint.lintFiles(patterns);
  const formatter = await eslint.loadFormatter('stylish');
  const byTask = Map.groupBy(results, (result) => ownerOf(relative(workspace, result.filePath), tasks)?.id);
  return Object.fromEntries(
    await Promise.all(
      tasks.map(async ({ id }) => {
        const own = byTask.get(id) ?? [];
        const problems = own.reduce((sum, one) => sum + one.errorCount + one.warningCount, 0);
        const terminalOutput = problems > 0 ? await formatter.format(own) : `${own.length} files`;
        return [id, { success: problems === 0, terminalOutput }] as const;
      }),
    ),
  );
};

export const { one: lint, all: lintAll } = executors(lintProjects);
