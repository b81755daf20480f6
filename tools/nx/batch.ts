import { join } from 'node:path';
import type { ExecutorContext, TaskGraph } from '@nx/devkit';

export const workspace = join(import.meta.dirname, '..', '..');

/** A task of one project, and where the project's files are. */
export interface ProjectTask {
  id: string;
  /** Relative to the workspace's root; "." is the root project. */
  root: string;
}

export interface Result {
  success: boolean;
  terminalOutput: string;
}

/** Runs one tool over many projects; answers a result for each task, by its id. */
export type RunBatch = (tasks: ProjectTask[]) => Promise<Record<string, Result>>;

/** Both forms that Nx calls: of one project, and of all of a run that are not in the cache. */
export function executors(run: RunBatch) {
  return {
    one: async (_: object, context: ExecutorContext): Promise<{ success: boolean }> => {
      const { projectName: project = '' } = context;
      const { only } = await run([{ id: 'only', root: context.projectsConfigurations.projects[project]!.root }]);
      console.log(only!.terminalOutput);
      return { success: only!.success };
    },
    all: async (graph: TaskGraph): Promise<Record<string, Result>> => {
      const tasks = Object.values(graph.tasks).map(({ id, projectRoot }) => ({ id, root: projectRoot! }));
      const results = await run(tasks);
      // Of tasks in a batch Nx prints nothing but their names.
      for (const { id } of tasks) if (!results[id]!.success) console.log(`\n${id}\n${results[id]!.terminalOutput}`);
      return results;
    },
  };
}

/** Whose file it is: the project with the longest root above it. */
export function ownerOf<T extends ProjectTask>(path: string, tasks: T[]): T | undefined {
  return tasks
    .filter(({ root }) => root === '.' || path.startsWith(`${root}/`))
    .toSorted((a, b) => b.root.length - a.root.length)[0];
}

/** What the root project has of its own; everything else below it belongs to other projects. */
export const ROOT_FOLDERS = ['test', 'bench', 'tools'];
