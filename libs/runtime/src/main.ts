import { keepCompiled } from './compile-cache.ts';
import type { ServiceModule } from './platform.ts';

/**
 * The whole of an app: hosts the services until SIGTERM or SIGINT, then drains. Exit code 2: it could not start.
 * `load` imports the services: what an app imports itself is compiled anew at every start.
 */
export async function main(load: () => Promise<ServiceModule[]>, profile: string): Promise<void> {
  keepCompiled(process.env, profile);
  const { run } = await import('./run.ts');
  await run(load, profile);
}
