import { dirname } from 'node:path';
import type { CreateNodesV2 } from '@nx/devkit';

/** Every app and lib has the three targets; what they run and depend on is in nx.json. */
export const createNodesV2: CreateNodesV2 = [
  '{apps,libs}/*/tsconfig.json',
  (files) =>
    files.map((file) => {
      const targets = Object.fromEntries(['lint', 'typecheck', 'test'].map((name) => [name, {}]));
      return [file, { projects: { [dirname(file)]: { targets } } }];
    }),
];
