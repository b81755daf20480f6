import { once } from 'node:events';
import type { Socket } from 'node:net';
import { AppError } from '@certferry/core';

const MAX_ANSWER_BYTES = 64 * 1024;

/** Turn and turn about with a server in the clear. UNAVAILABLE START_TLS_REFUSED when it says something else than TLS needs. */
export class Dialogue {
  readonly #socket: Socket;
  readonly #name: string;
  #received: Buffer = Buffer.alloc(0);

  /** Errors name the server. The socket is destroyed when nobody waits any longer. */
  constructor(socket: Socket, name: string) {
    this.#socket = socket;
    this.#name = name;
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** As many bytes as they begin to say: `size` answers how many, or undefined as long as that is not known. */
  async take(size: (received: Buffer) => number | undefined): Promise<Buffer> {
    for (;;) {
      const bytes = size(this.#received);
      if (bytes !== undefined && bytes <= this.#received.length) {
        const taken = this.#received.subarray(0, bytes);
        this.#received = this.#received.subarray(bytes);
        return taken;
      }
      await this.#receive();
    }
  }

  /** A line without its end. */
  async line(): Promise<string> {
    const line = await this.take((received) => received.indexOf('\n') + 1 || undefined);
    return line.toString('latin1').trimEnd();
  }

  /** What the server said instead is shown as far as it is short and readable. */
  refuse(what: string, said = ''): never {
    const shown = said.slice(0, 100).replaceAll(/[^ -~]/g, '?');
    const message = `${this.#name} ${what}${shown && `: "${shown}"`}.`;
    throw new AppError({ code: 'UNAVAILABLE', reason: 'START_TLS_REFUSED', message });
  }

  /** TLS begins with the next byte: one that came before it is nobody's. */
  end(): void {
    if (this.#received.length > 0 || this.#socket.readableLength > 0)
      this.refuse('says more than its answer before TLS');
  }

  async #receive(): Promise<void> {
    for (;;) {
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk) {
        this.#received = Buffer.concat([this.#received, chunk]);
        if (this.#received.length > MAX_ANSWER_BYTES) this.refuse('says too much before TLS');
        return;
      }
      if (this.#socket.readableEnded || this.#socket.destroyed) this.refuse('closed the connection before TLS');
      const done = new AbortController();
      try {
        await Promise.race(['readable', 'close'].map((event) => once(this.#socket, event, done)));
      } finally {
        done.abort();
      }
    }
  }
}
