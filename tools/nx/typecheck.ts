import { join, relative } from 'node:path';
import ts from 'typescript';
import { executors, ownerOf, type RunBatch, workspace } from './batch.ts';

// Projects share what they import: one program of all reads and checks it once, where a tsc a project did so for each that has it.
const typecheckProjects: RunBatch = (tasks) => {
  const { config } = ts.readConfigFile(join(workspace, 'tsconfig.json'), (file) => ts.sys.readFile(file)) as {
    config: object;
  };
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, workspace);
  const path = (file: ts.SourceFile | { fileName: string }) => relative(workspace, file.fileName);
  const own = fileNames.filter((fileName) => ownerOf(path({ fileName }), tasks));
  const program = ts.createProgram(own, options);
  const ofFiles = program
    .getSourceFiles()
    .filter((file) => ownerOf(path(file), tasks) && !file.fileName.includes('/node_modules/'))
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]);
  const ofAll = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
  const byTask = Map.groupBy(ofFiles, ({ file }) => file && ownerOf(path(file), tasks)?.id);
  const host = {
    getCanonicalFileName: (name: string) => name,
    getCurrentDirectory: () => workspace,
    getNewLine: () => '\n',
  };
  const results = tasks.map(({ id }) => {
    const found = [...ofAll, ...(byTask.get(id) ?? [])];
    return [id, { success: found.length === 0, terminalOutput: ts.formatDiagnostics(found, host) }] as const;
  });
  return Promise.resolve(Object.fromEntries(results));
};

export const { one: typecheck, all: typecheckAll } = executors(typecheckProjects);
