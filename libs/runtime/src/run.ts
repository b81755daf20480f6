import { flushCompileCache } from 'node:module';
import { AppError } from '@certferry/core';
import { host } from './host.ts';
import type { ServiceModule } from './platform.ts';

/** Hosts the services until SIGTERM or SIGINT, then drains. Exit code 2: they could not start. */
export async function run(load: () => Promise<ServiceModule[]>, profile: string): Promise<void> {
  try {
    const running = await host(await load(), { environment: process.env, profile });
    const stop = (signal: string) => {
      running.platform.logger.info({ signal }, 'draining');
      process.once(signal, () => process.exit(1));
      running.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          running.platform.logger.error({ err: error }, 'did not drain');
          process.exit(1);
        },
      );
    };
    process.once('SIGTERM', () => stop('SIGTERM'));
    process.once('SIGINT', () => stop('SIGINT'));
    // Else it is written at the end, which may be a kill.
    flushCompileCache();
  } catch (error) {
    const text =
      error instanceof AppError
        ? error.message
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error);
    process.stderr.write(`certferry: ${text}\n`);
    process.exit(2);
  }
}
