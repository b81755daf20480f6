import v8 from 'node:v8';
import { keepCompiled } from './compile-cache.ts';
import type { ServiceModule } from './platform.ts';

/**
 * The whole of an app: hosts the services until SIGTERM or SIGINT, then drains. Exit code 2: it could not start.
 * `load` imports the services: what an app imports itself is compiled anew at every start.
 */
export async function main(load: () => Promise<ServiceModule[]>, profile: string): Promise<void> {
  stayYoung();
  keepCompiled(process.env, profile);
  const { run } = await import('./run.ts');
  await run(load, profile);
}

/**
 * V8 may decide that what one line makes lives long and put it among the old objects at once, where it keeps all that it
 * refers to alive until the next full collection. Of a million XML elements that was 250 MiB and a second in two of three starts.
 */
const stayYoung = (): void => v8.setFlagsFromString('--no-allocation-site-pretenuring');
