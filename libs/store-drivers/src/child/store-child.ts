import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@certferry/core';
import { Channel, forkChild, type Handlers } from '@certferry/runtime/child';

/** How long a killed process may take to be gone; one that waits for a dead disk cannot die before it answers. */
const KILL_MS = 500;

export interface ChildStart {
  main: URL;
  args: string[];
  /** Default: SIGKILL. */
  kill?: (process: ChildProcess) => void;
}

/** A process that works with one store at a time. */
export class StoreChild {
  readonly channel: Channel;
  /** What the store that it works with asks this process for. */
  asks: Handlers = {};
  ready = false;
  /** Since when it waits for work (`performance.now()`). */
  idleSince = 0;
  readonly gone: Promise<void>;
  readonly #process: ChildProcess;
  readonly #kill: (process: ChildProcess) => void;
  #stopping: Promise<boolean> | undefined;

  constructor(start: ChildStart, onReady: () => void) {
    this.#kill = start.kill ?? ((process) => void process.kill('SIGKILL'));
    this.#process = forkChild(start.main, { args: start.args });
    this.channel = new Channel(this.#process, {
      ready: () => {
        this.ready = true;
        onReady();
      },
      inspect: (request: never) => this.asks['inspect']!(request),
      openContainer: (request: never) => this.asks['openContainer']!(request),
      listKeystore: (request: never) => this.asks['listKeystore']!(request),
      editKeystore: (request: never) => this.asks['editKeystore']!(request),
    });
    this.gone = new Promise<void>((resolve) => {
      this.#process.on('exit', () => resolve());
      // Of one that could not be started there is no exit.
      this.#process.on('error', () => this.#process.pid === undefined && resolve());
    }).then(() => this.channel.close(ended()));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether this process waits for it before it ends. */
  hold(held: boolean): void {
    const method = held ? 'ref' : 'unref';
    this.#process[method]();
    this.#process.channel?.[method]();
  }

  /** Ends it, at once. Answers whether it is gone: false is a process that cannot die yet, and is waited for by nobody. */
  end(): Promise<boolean> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<boolean> {
    this.#kill(this.#process);
    const stop = new AbortController();
    const late = delay(KILL_MS, false, { signal: stop.signal }).catch(() => false);
    const gone = await Promise.race([this.gone.then(() => true), late]);
    stop.abort();
    if (!gone) this.hold(false);
    this.channel.close(ended());
    return gone;
  }
}

const ended = (): AppError =>
  new AppError({
    code: 'UNAVAILABLE',
    reason: 'STORE_PROCESS_ENDED',
    message: 'The process that worked with the store ended before it answered.',
  });
