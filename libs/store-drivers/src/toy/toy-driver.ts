import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { AppError, precondition } from '@certferry/core';
import { z } from 'zod';
import type { DriverContext } from '../driver-context.ts';
import {
  changedMeanwhile,
  isAnother,
  toEntryCertificate,
  type OpenStore,
  type PreparedChange,
  type StoreChange,
  type StoreDriver,
  type StoreEntry,
} from '../store-driver.ts';
import { untilAborted } from '../until-aborted.ts';
import { revisionOf, type ToyAnswer, type ToyEntries, type ToyEntry, type ToyRequest } from './toy-server.ts';

/** What a driver can do wrong; each is what one rule of the suite is there to find. */
export type ToyFault =
  | 'leaves the chain out'
  | 'writes the same again'
  | 'replaces unasked'
  | 'takes a key away in silence'
  | 'does not say what is there'
  | 'removes another'
  | 'drops other entries'
  | 'writes over others'
  | 'reads rubbish as nothing'
  | 'puts back no key'
  | 'puts back other entries too'
  | 'writes when it is tried'
  | 'leaves its connection open'
  | 'does not hear the signal'
  | 'says UNAVAILABLE for a deadline'
  | 'connects by itself'
  | 'shows its token'
  | 'takes any field';

const config = z.strictObject({
  host: z.string(),
  port: z.number(),
  token: z.string().meta({ writeOnly: true }),
});

/** A driver for the toy server, right but for the fault that it is given. */
export function toyDriver(fault?: ToyFault): StoreDriver<typeof config> {
  return {
    kind: 'toy',
    title: 'Toy',
    description: 'A key store behind TCP.',
    alias: 'required',
    config: fault === 'takes any field' ? z.looseObject(config.shape) : config,
    tried: { open: 'The server answers.', write: 'The server would take it.' },
    holdsPrivateKey: () => true,
    open: async (checked, context) => {
      const store = new ToyStore(checked, context, fault);
      if (fault !== 'does not hear the signal') context.signal.throwIfAborted();
      return await Promise.resolve(store);
    },
  };
}

class ToyStore implements OpenStore {
  readonly #config: z.infer<typeof config>;
  readonly #context: DriverContext;
  readonly #fault: ToyFault | undefined;
  readonly #sockets = new Set<Socket>();

  constructor(checked: z.infer<typeof config>, context: DriverContext, fault: ToyFault | undefined) {
    this.#config = checked;
    this.#context = context;
    this.#fault = fault;
  }

  async revision(): Promise<string> {
    return revisionOf(await this.#read());
  }

  async entries(): Promise<StoreEntry[]> {
    const held = Object.entries(await this.#read());
    return await Promise.all(held.map(([alias, entry]) => this.#toEntry(alias, entry)));
  }

  async prepare(change: StoreChange): Promise<PreparedChange> {
    const old = await this.#read();
    const found = old[change.alias];
    const held = found && (await this.#toEntry(change.alias, found));
    const next = this.#fault === 'drops other entries' ? {} : { ...old };
    delete next[change.alias];
    const wanted = change.action === 'add' ? change.fingerprintSha256 : '';
    const current = held?.facts.fingerprintSha256 ?? '';
    if (change.action === 'add') {
      if (held && current !== wanted && !change.overwrite && this.#fault !== 'replaces unasked')
        throw precondition('ALIAS_EXISTS', 'The alias holds another certificate.');
      const chain = this.#fault === 'leaves the chain out' ? [] : change.chain;
      next[change.alias] = {
        certificates: [change.certificate, ...chain].map((der) => der.toString('base64')),
        key: change.privateKey?.toString('base64'),
      };
    } else if (held && isAnother(change, held) && this.#fault !== 'removes another') {
      throw precondition('ANOTHER_CERTIFICATE', 'The alias holds another certificate.');
    }
    const [oldRevision, newRevision] = [revisionOf(old), revisionOf(next)];
    const removesKey =
      change.action === 'add' &&
      found?.key !== undefined &&
      !change.privateKey &&
      !this.#is('takes a key away in silence');
    const told = {
      oldRevision,
      newRevision,
      removesKey,
      held: this.#is('does not say what is there') ? undefined : held,
    };
    if (oldRevision === newRevision && !this.#is('writes the same again'))
      return { ...told, changes: [], write: () => Promise.resolve() };
    const what = this.#fault === 'shows its token' ? this.#config.token : change.alias;
    const operation = change.action === 'remove' ? 'delete' : held ? 'replace' : 'create';
    return {
      changes: [{ operation, what, oldFingerprintSha256: current, newFingerprintSha256: wanted }],
      ...told,
      write: async () => {
        const expected = this.#fault === 'writes over others' ? undefined : oldRevision;
        const { changed } = await this.#ask({ entries: next, expected });
        if (changed) throw changedMeanwhile();
      },
    };
  }

  readonly #is = (fault: ToyFault): boolean => this.#fault === fault;

  async snapshot(alias: string): Promise<Buffer> {
    const entries = await this.#read();
    const all = this.#fault === 'puts back other entries too';
    return Buffer.from(JSON.stringify(all ? entries : { [alias]: entries[alias] }));
  }

  async prepareRestore(alias: string, snapshot: Uint8Array): Promise<PreparedChange> {
    const old = await this.#read();
    const kept = JSON.parse(Buffer.from(snapshot).toString()) as ToyEntries;
    const { [alias]: held, ...others } = old;
    const entry = kept[alias];
    if (entry && this.#fault === 'puts back no key') delete entry.key;
    const back = this.#fault === 'puts back other entries too' ? kept : { ...others, ...kept };
    // In the order of before: the toy's revision is of its JSON.
    const names = [...new Set([...Object.keys(old), ...Object.keys(back)])];
    const next = Object.fromEntries(names.flatMap((name) => (back[name] ? [[name, back[name]]] : [])));
    const fingerprint = async (one: ToyEntry | undefined) =>
      one ? (await this.#toEntry(alias, one)).facts.fingerprintSha256 : '';
    const [oldRevision, newRevision] = [revisionOf(old), revisionOf(next)];
    const change = {
      operation: held ? (entry ? 'replace' : 'delete') : 'create',
      what: alias,
      oldFingerprintSha256: await fingerprint(held),
      newFingerprintSha256: await fingerprint(entry),
    } as const;
    return {
      changes: oldRevision === newRevision ? [] : [change],
      ...{ oldRevision, newRevision, removesKey: false },
      held: held && (await this.#toEntry(alias, held)),
      write: async () => {
        const { changed } = await this.#ask({ entries: next, expected: oldRevision });
        if (changed) throw changedMeanwhile();
      },
    };
  }

  cleanUp = () => Promise.resolve();

  async tryWriting(): Promise<void> {
    const entries = await this.#read();
    const proof: ToyEntries =
      this.#fault === 'writes when it is tried' ? { ...entries, proof: { certificates: [] } } : entries;
    await this.#ask({ entries: proof, expected: revisionOf(entries) });
  }

  close(): Promise<void> {
    if (this.#fault !== 'leaves its connection open') for (const socket of this.#sockets) socket.destroy();
    return Promise.resolve();
  }

  async #toEntry(alias: string, { certificates, key }: ToyEntry): Promise<StoreEntry> {
    const inspected = await Promise.all(
      certificates.map((one) => this.#context.parser.inspect({ content: Buffer.from(one, 'base64') })),
    );
    const [leaf, ...chain] = inspected.flatMap((one) => one.certificates.map(toEntryCertificate));
    return { alias, ...leaf!, hasPrivateKey: key !== undefined, chain };
  }

  async #read(): Promise<ToyEntries> {
    const { entries } = await this.#ask({});
    if (this.#fault !== 'reads rubbish as nothing') return entries;
    return Object.fromEntries(Object.entries(entries).filter(([, entry]) => entry.certificates[0]?.startsWith('MII')));
  }

  /** A connection a request. */
  async #ask(request: Omit<ToyRequest, 'token'>): Promise<ToyAnswer> {
    const { signal } = this.#context;
    const asked = this.#exchange({ ...request, token: this.#config.token });
    if (this.#fault === 'does not hear the signal') return await asked;
    try {
      return await untilAborted(signal, asked);
    } catch (error) {
      if (this.#fault === 'says UNAVAILABLE for a deadline' && (error as AppError).code === 'DEADLINE_EXCEEDED')
        throw new AppError({ code: 'UNAVAILABLE', reason: 'GONE', message: 'The server went away.' });
      throw error;
    }
  }

  async #exchange(request: ToyRequest): Promise<ToyAnswer> {
    const { host, port } = this.#config;
    const socket =
      this.#fault === 'connects by itself' ? connectTcp({ host, port }) : await this.#context.connect({ host, port });
    this.#sockets.add(socket);
    socket.write(`${JSON.stringify(request)}\n`);
    const [line] = (await once(createInterface({ input: socket }), 'line')) as [string];
    if (this.#fault !== 'leaves its connection open') socket.destroy();
    return JSON.parse(line) as ToyAnswer;
  }
}
