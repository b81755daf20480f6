import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { readCertificate } from '@certferry/x509';
import { makeChain } from '@certferry/testing';
import { checkConfig } from './check-config.ts';
import { createDriverContext, type DriverHost } from './driver-context.ts';
import type { StoreAccess } from './store-access.ts';
import type { OpenStore, StoreChange, StoreDriver } from './store-driver.ts';

/** A real store, new and empty, to test a driver with. */
export interface StoreUnderTest {
  config: Record<string, unknown>;
  host: DriverHost;
  /** How the store is reached; absent: by its driver, here. */
  access?: StoreAccess;
  /** Somebody else changes what the store holds, without the driver. */
  foreignWrite(): Promise<void>;
  /** Somebody else writes what no driver can read as a certificate. */
  spoil(): Promise<void>;
  /** Nobody answers any more at the store's end, until what is answered is called. */
  stall(): Promise<() => Promise<void>>;
  tearDown(): Promise<void>;
}

export interface SuiteOptions {
  setUp(): Promise<StoreUnderTest>;
  /** For kinds that keep the leaf alone. */
  withoutChain?: boolean;
  /** For stores that leave the root to who reads them. */
  withoutRoot?: boolean;
}

export type Chain = Awaited<ReturnType<typeof makeChain>>;

const DAY_MS = 86_400_000;
/** Within this a driver has to stop. */
export const STOP_MS = 2_000;

/** What a rule works with: one driver, one new store. */
export class StoreBench {
  static async start(driver: StoreDriver, options: SuiteOptions): Promise<StoreBench> {
    chains ??= Promise.all([makeChain('one.example.com'), makeChain('two.example.com')]);
    return new StoreBench(driver, options, { store: await options.setUp(), chains: await chains });
  }

  readonly driver: StoreDriver;
  readonly under: StoreUnderTest;
  readonly one: Chain;
  readonly two: Chain;
  readonly alias: string;
  /** How many of the two issuers of a chain the store keeps. */
  readonly keptIssuers: 0 | 1 | 2;
  /** What the driver connected with. */
  readonly sockets: Socket[] = [];
  /** Set while the context's connect runs. */
  readonly byContext = new AsyncLocalStorage<true>();
  readonly #ends: (() => Promise<void> | void)[] = [];

  private constructor(
    driver: StoreDriver,
    { withoutChain, withoutRoot }: SuiteOptions,
    from: { store: StoreUnderTest; chains: [Chain, Chain] },
  ) {
    this.driver = driver;
    this.under = from.store;
    [this.one, this.two] = from.chains;
    this.alias = driver.alias === 'none' ? '' : 'web';
    this.keptIssuers = withoutChain ? 0 : withoutRoot ? 1 : 2;
  }

  async open(limits: { signal?: AbortSignal; deadline?: Date } = {}): Promise<OpenStore> {
    const { host, config, access } = this.under;
    const until = { signal: new AbortController().signal, deadline: new Date(Date.now() + DAY_MS), ...limits };
    if (access) return this.#keep(await access.open({ id: this.storeId, kind: this.driver.kind, config }, until));
    const watched: DriverHost = {
      ...host,
      connect: async (to, signal) => {
        const socket = await this.byContext.run(true, () => host.connect(to, signal));
        this.sockets.push(socket);
        return socket;
      },
    };
    const { context, release } = createDriverContext(watched, this.storeId, until);
    this.#ends.push(release);
    return this.#keep(await this.driver.open(checkConfig(this.driver, config), context));
  }

  #keep(store: OpenStore): OpenStore {
    this.#ends.push(() => store.close());
    return store;
  }

  readonly storeId = randomUUID();

  async end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
    await this.under.tearDown();
  }

  add({ leaf, intermediate, root }: Chain, options: { overwrite?: boolean; alias?: string } = {}): StoreChange {
    const { fingerprintSha256 } = readCertificate(leaf.der);
    return {
      action: 'add',
      alias: this.alias,
      overwrite: false,
      fingerprintSha256,
      certificate: leaf.der,
      chain: [intermediate.der, root.der],
      privateKey: leaf.keyDer,
      ...options,
    };
  }

  remove({ leaf }: Chain): StoreChange {
    const { fingerprintSha256 } = readCertificate(leaf.der);
    return { action: 'remove', alias: this.alias, fingerprintSha256 };
  }

  /** A store that holds `one`. */
  async openFilled(): Promise<OpenStore> {
    const store = await this.open();
    await (await store.prepare(this.add(this.one))).write();
    return store;
  }

  /** Makes each call while the store's end hangs, until `stop` ends it, and answers what each rejects with. */
  async stopEach(stop: (afterMs: number) => { signal?: AbortSignal; deadline?: Date }): Promise<unknown[]> {
    const change = this.add(this.two, { overwrite: true });
    const hang = (limits: ReturnType<typeof stop>, ready: (store: OpenStore) => Promise<() => Promise<unknown>>) =>
      this.#hang(async () => await ready(await this.open(limits)));
    return [
      await this.#hang(() => {
        const limits = stop(100);
        return Promise.resolve(async () => await (await this.open(limits)).revision());
      }),
      await hang(stop(200), (store) => Promise.resolve(() => store.revision())),
      await hang(stop(200), (store) => Promise.resolve(() => store.entries())),
      await hang(stop(200), (store) => Promise.resolve(() => store.prepare(change))),
      await hang(stop(200), (store) => Promise.resolve(() => store.tryWriting())),
      await hang(stop(1_500), async (store) => {
        const prepared = await store.prepare(change);
        return () => prepared.write();
      }),
    ];
  }

  async #hang(ready: () => Promise<() => Promise<unknown>>): Promise<unknown> {
    const sayError = (error: unknown) => error;
    const call = await ready().catch(sayError);
    // Stopped before it came to hang.
    if (typeof call !== 'function') return call;
    const proceed = await this.under.stall();
    try {
      const outcome = (call as () => Promise<unknown>)().then(() => 'it was done', sayError);
      return await Promise.race([outcome, delay(STOP_MS, 'it did not stop')]);
    } finally {
      await proceed();
    }
  }
}

let chains: Promise<[Chain, Chain]> | undefined;
