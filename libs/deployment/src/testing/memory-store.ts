import { AppError } from '@certferry/core';
import { commonV1 } from '@certferry/contracts';
import type {
  OpenStore,
  PreparedChange,
  StoreAccess,
  StoreChange,
  StoreEntry,
  StoreLimits,
} from '@certferry/store-drivers';

/** Where a store can be made to fail, or to wait, by a test. */
type Place = 'open' | 'before write' | 'after write' | 'entries' | 'close';

/** A store with aliases that is nowhere but here; `write` changes it at once, like a rename. */
export class MemoryStore implements StoreAccess {
  /** Fingerprints by alias. */
  readonly content = new Map<string, string>();
  writes = 0;
  /** The entry that it takes where nobody said the alias, as keystores do. */
  predecessor: string | undefined;
  /** What the next visits to a place do first. */
  readonly #faults = new Map<Place, ((signal: AbortSignal) => Promise<void> | void)[]>();

  next(place: Place, fault: (signal: AbortSignal) => Promise<void> | void): void {
    this.#faults.set(place, [...(this.#faults.get(place) ?? []), fault]);
  }

  /** As revision() would say of this content. */
  revisionOf = (content: Record<string, string>): string => JSON.stringify(Object.entries(content).sort());

  get revision(): string {
    return this.revisionOf(Object.fromEntries(this.content));
  }

  async open(_: unknown, { signal }: StoreLimits): Promise<OpenStore> {
    await this.#visit('open', signal);
    const unlessAborted = <T>(make: () => T): Promise<T> =>
      new Promise((resolve) => {
        signal.throwIfAborted();
        resolve(make());
      });
    return {
      revision: () => unlessAborted(() => this.revision),
      entries: async () => {
        await this.#visit('entries', signal);
        return [...this.content].map(toEntry);
      },
      prepare: (change) => unlessAborted(() => this.#prepare(change, signal)),
      snapshot: (alias) => unlessAborted(() => Buffer.from(this.content.get(alias) ?? '')),
      prepareRestore: (alias, snapshot) =>
        unlessAborted(() => this.#prepared(alias, Buffer.from(snapshot).toString(), signal)),
      cleanUp: () => unlessAborted(() => undefined),
      tryWriting: () => unlessAborted(() => undefined),
      close: () => this.#visit('close', signal),
    };
  }

  #prepare(change: StoreChange, signal: AbortSignal): PreparedChange {
    const alias = (change.aliasIsDefault && this.predecessor) || change.alias;
    return this.#prepared(alias, change.action === 'add' ? change.fingerprintSha256 : '', signal);
  }

  #prepared(alias: string, wanted: string, signal: AbortSignal): PreparedChange {
    const [oldRevision, before] = [this.revision, Object.fromEntries(this.content)];
    const old = before[alias] ?? '';
    const { [alias]: _, ...others } = before;
    const after = wanted ? { ...others, [alias]: wanted } : others;
    const operation = !old ? 'create' : wanted ? 'replace' : 'delete';
    const made = { operation, what: alias, oldFingerprintSha256: old, newFingerprintSha256: wanted } as const;
    return {
      alias,
      changes: old === wanted ? [] : [made],
      oldRevision,
      newRevision: this.revisionOf(after),
      held: old ? toEntry([alias, old]) : undefined,
      removesKey: false,
      write: async () => {
        await this.#visit('before write', signal);
        if (this.revision !== oldRevision)
          throw new AppError({ code: 'ABORTED', reason: 'STORE_CHANGED', message: 'The store was changed.' });
        this.writes++;
        if (wanted) this.content.set(alias, wanted);
        else this.content.delete(alias);
        await this.#visit('after write', signal);
      },
    };
  }

  async #visit(place: Place, signal: AbortSignal): Promise<void> {
    if (place !== 'close') signal.throwIfAborted();
    await this.#faults.get(place)?.shift()?.(signal);
  }
}

const toEntry = ([alias, fingerprintSha256]: [string, string]): StoreEntry => ({
  ...{ alias, der: new Uint8Array(), hasPrivateKey: false, chain: [] },
  facts: commonV1.CertificateFacts.fromPartial({ fingerprintSha256 }),
});

/** Waits as long as nobody aborts it, as a file system does that hangs. */
export const hang = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = () =>
      reject(
        new AppError({ code: 'CANCELLED', reason: 'CANCELLED', message: 'Working with the store was cancelled.' }),
      );
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
  });
