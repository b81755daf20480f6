import { closeSync, existsSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '@certferry/testing';
import { ChildStoreAccess, type ChildStoreOptions } from '../child-store-access.ts';
import { STALLED } from './stalled.ts';

// As the product does: a start takes a third of the time.
enableCompileCache(join(tmpdir(), 'certferry-compile-cache'));

/** Access to stores in children whose file system can be made to hang. */
export class StallingAccess extends ChildStoreAccess {
  readonly #folder: string;

  constructor({ child, ...options }: ChildStoreOptions) {
    const folder = temporaryFolder('stall');
    const main = new URL('./stalling-child.ts', import.meta.url);
    super({ ...options, child: { main, args: [folder], ...child } });
    this.#folder = folder;
  }

  /** Takes every thread that the children, those to come too, have for files, until what is answered is called. */
  stall = async (): Promise<() => Promise<void>> => {
    writeFileSync(join(this.#folder, STALLED), '');
    const { pids } = this;
    for (const pid of pids) process.kill(pid, 'SIGUSR2');
    const hang = (pid: number) => existsSync(join(this.#folder, `${pid}.${STALLED}`));
    // One that ends meanwhile hangs nobody.
    while (!pids.every((pid) => hang(pid) || !this.pids.includes(pid))) await delay(5);
    return async () => {
      rmSync(join(this.#folder, STALLED));
      const pipes = readdirSync(this.#folder).filter((name) => name.endsWith('.pipe'));
      // For reading too: then it waits for nobody, and a reader that comes late finds a writer.
      const writers = pipes.map((pipe) => openSync(join(this.#folder, pipe), 'r+'));
      await delay(50);
      for (const writer of writers) closeSync(writer);
      for (const name of readdirSync(this.#folder)) rmSync(join(this.#folder, name));
    };
  };
}
