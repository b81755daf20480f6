import type { FileSystem, NewFile } from './file-system.ts';

/** What a power cut looks like to who was writing. */
export class PowerCut extends Error {}

export interface Fault {
  /** Which operation, counted from 1. */
  at: number;
  /** "before" and "after": the power goes then. An errno: this operation alone fails with it. */
  kind: 'before' | 'after' | 'half' | { errno: string };
}

const READING = ['read', 'facts', 'list', 'readLink', 'isMountPoint', 'checkWritable', 'file.facts', 'file.close'];
/** Counted and not made: nothing here looks at the disk itself, and cp has tests of its own. */
const SLOW = ['syncFolder', 'file.sync', 'file.takeAttributes'];

/** A file system that breaks down at one of the operations that change something, and counts them. */
export class FaultyFileSystem {
  readonly files: FileSystem;
  readonly operations: string[] = [];
  readonly #fault: Fault | undefined;
  readonly #real: FileSystem;
  #dead = false;

  constructor(real: FileSystem, fault?: Fault) {
    this.#fault = fault;
    this.#real = real;
    this.files = this.#watch(real, '');
  }

  #watch<T extends object>(target: T, prefix: string): T {
    return new Proxy(target, {
      get: (_, name) => {
        // Who awaits one asks for its `then`.
        const call = Reflect.get(target, name) as ((...args: unknown[]) => Promise<unknown>) | undefined;
        if (!call) return undefined;
        return async (...args: unknown[]) => await this.#call(`${prefix}${String(name)}`, target, { call, args });
      },
    });
  }

  async #call(
    name: string,
    target: object,
    { call, args }: { call: (...args: unknown[]) => Promise<unknown>; args: unknown[] },
  ): Promise<unknown> {
    if (this.#dead && name !== 'file.close') throw new PowerCut(name);
    const run = async () => {
      if (SLOW.includes(name)) return undefined;
      const answer = await Reflect.apply(call, target, args);
      return name === 'create' ? this.#watch(answer as NewFile, 'file.') : answer;
    };
    if (READING.includes(name)) return await run();
    this.operations.push(name);
    const fault = this.#fault?.at === this.operations.length ? this.#fault.kind : undefined;
    if (fault === undefined) return await run();
    if (typeof fault === 'object') throw Object.assign(new Error(fault.errno), { code: fault.errno });
    this.#dead = true;
    if (fault === 'after') await run().then(closeNew, () => undefined);
    if (fault === 'half' && name === 'file.write') await Reflect.apply(call, target, [firstHalf(args[0])]);
    if (fault === 'half' && name === 'overwrite') await this.#tear(String(args[0]), firstHalf(args[1]));
    throw new PowerCut(name);
  }

  /** The begin of the new content, and what was there behind it. */
  async #tear(path: string, begin: Uint8Array): Promise<void> {
    const old = await this.#real.read(path);
    const rest = old && 'content' in old ? old.content.subarray(begin.length) : Buffer.alloc(0);
    await this.#real.overwrite(path, Buffer.concat([begin, rest]));
  }
}

const firstHalf = (content: unknown): Uint8Array =>
  (content as Uint8Array).subarray(0, (content as Uint8Array).length >> 1);

/** Of a process that is no more, the system closes what it had open. */
const closeNew = async (made: unknown): Promise<void> => await (made as NewFile | undefined)?.close();
