import { readFileSync } from 'node:fs';

/** The commands of a Markdown page, block by block. */
export const shellBlocks = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1]!);
