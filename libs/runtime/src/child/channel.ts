import type { EventEmitter } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { fromPlainError, toPlainError, type PlainError } from './plain-error.ts';

/** One end of the IPC: the child as its parent has it, or `process` in the child. */
export type Port = ChildProcess | NodeJS.Process;

/** What an end answers, by name. */
export type Handlers = Record<string, (input: never) => unknown>;

type Message =
  | { name: string; input: unknown; call?: number }
  | { answer: number; value: unknown }
  | { answer: number; error: PlainError };

/** Calls in both directions over IPC. What crosses is cloned by structure; errors by `toPlainError`. */
export class Channel {
  readonly #port: Port;
  readonly #handlers: Handlers;
  readonly #calls = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #last = 0;
  #closed: Error | undefined;

  constructor(port: Port, handlers: Handlers) {
    this.#port = port;
    this.#handlers = handlers;
    (port as EventEmitter).on('message', (message: Message) => void this.#hear(message));
  }

  /** What the other end answers; rejects with what it throws, and with the reason once the channel is closed. */
  async call<T>(name: string, input?: unknown): Promise<T> {
    if (this.#closed) throw this.#closed;
    const call = ++this.#last;
    const answered = new Promise<T>((resolve, reject) => this.#calls.set(call, { resolve, reject }));
    this.#send({ name, input, call });
    return await answered;
  }

  /** Says something that nobody answers. */
  notify(name: string, input?: unknown): void {
    if (!this.#closed) this.#send({ name, input });
  }

  /** Rejects what is not answered yet, and every later call. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#calls.values()) reject(this.#closed);
    this.#calls.clear();
  }

  async #hear(message: Message): Promise<void> {
    if ('answer' in message) {
      const call = this.#calls.get(message.answer);
      this.#calls.delete(message.answer);
      if ('error' in message) call?.reject(fromPlainError(message.error));
      else call?.resolve(message.value as never);
      return;
    }
    const { name, input, call } = message;
    const outcome = await this.#handle(name, input);
    if (call === undefined) return;
    try {
      this.#send({ answer: call, ...outcome });
    } catch (error) {
      // What cannot be cloned.
      this.#send({ answer: call, error: toPlainError(error) });
    }
  }

  async #handle(name: string, input: unknown): Promise<{ value: unknown } | { error: PlainError }> {
    try {
      return { value: await this.#handlers[name]!(input as never) };
    } catch (error) {
      return { error: toPlainError(error) };
    }
  }

  /** A message to somebody who has gone is lost: whoever waits for the answer hears of the end itself. */
  #send(message: Message): void {
    this.#port.send?.(message, undefined, undefined, () => undefined);
  }
}
