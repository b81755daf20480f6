import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { DriverContext } from '../driver-context.ts';

/** An agent for HTTP clients of others, whose every connection is the context's. */
export class ContextAgent extends Agent {
  readonly #context: Pick<DriverContext, 'connect'>;
  readonly #tls: { ca?: string } | undefined;

  /** `tls` absent: plain HTTP. */
  constructor(context: Pick<DriverContext, 'connect'>, tls: { ca?: string } | undefined) {
    super({ keepAlive: true });
    // What Node's client compares with the request's own.
    Object.assign(this, { protocol: tls ? 'https:' : 'http:', defaultPort: tls ? 443 : 80 });
    this.#context = context;
    this.#tls = tls;
  }

  override createConnection(
    options: AgentOptions,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | null | undefined {
    const { host, port } = options as { host: string; port: string | number };
    const tls = this.#tls && { serverName: host, ...this.#tls };
    this.#context.connect({ host, port: Number(port), tls }).then(
      (socket) => callback?.(null, socket),
      (error: unknown) => callback?.(error as Error, undefined as unknown as Duplex),
    );
    return undefined;
  }
}
