import { mkdirSync, readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

export const DEFAULT_DATA_DIR = './.certferry';

/**
 * What is imported from now on is kept compiled in `<data folder>/compile-cache`, for the next start. Throws nothing: a
 * start without it is only slower, and what is wrong with the configuration is told by those who read all of it.
 */
export function keepCompiled(environment: NodeJS.ProcessEnv, profile: string): void {
  try {
    // Whoever may write there runs code here: with the keys, in a folder that is the product's alone.
    const folder = join(dataDir(environment, profile), 'compile-cache');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    enableCompileCache(folder);
  } catch {
    // See above.
  }
}

/** Read without the schemas of the configuration, which are among what is kept. */
function dataDir(environment: NodeJS.ProcessEnv, profile: string): string {
  if (environment['CERTFERRY_DATA_DIR']) return environment['CERTFERRY_DATA_DIR'];
  const file = readFileSync(environment['CERTFERRY_CONFIG'] ?? profile, 'utf8');
  return (JSON.parse(file) as { runtime?: { dataDir?: string } }).runtime?.dataDir ?? DEFAULT_DATA_DIR;
}
