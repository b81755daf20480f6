import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What stands under an alias: certificates (leaf first) and key as base64 DER. */
export interface ToyEntry {
  certificates: string[];
  key?: string;
}

export type ToyEntries = Record<string, ToyEntry>;

export interface ToyRequest {
  token: string;
  /** Absent: only reads. */
  entries?: ToyEntries;
  /** Written only if the server still holds this revision. */
  expected?: string;
}

export interface ToyAnswer {
  entries: ToyEntries;
  changed?: boolean;
}

export const revisionOf = (entries: ToyEntries): string =>
  createHash('sha256')
    .update(JSON.stringify(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex');

/** A key store behind TCP, one JSON a line, for the tests of what speaks to such servers. */
export class ToyServer {
  entries: ToyEntries = {};
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();
  #stalled: Promise<void> | undefined;

  async start(): Promise<{ host: string; port: number }> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  /** Takes connections and requests, answers none until what is answered is called. */
  stall(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stalled = promise;
    return () => {
      this.#stalled = undefined;
      resolve();
    };
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    createInterface({ input: socket })
      .on('error', () => undefined)
      .on('line', (line) => void this.#answer(socket, JSON.parse(line) as ToyRequest));
  }

  async #answer(socket: Socket, { entries, expected }: ToyRequest): Promise<void> {
    await this.#stalled;
    if (socket.destroyed) return;
    const changed = entries !== undefined && expected !== undefined && expected !== revisionOf(this.entries);
    if (entries && !changed) this.entries = entries;
    const answer: ToyAnswer = { entries: this.entries, changed };
    socket.write(`${JSON.stringify(answer)}\n`);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
