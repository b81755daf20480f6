import type { LookupAddress } from 'node:dns';
import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { AppError } from '@certferry/core';

/** Where to connect to. */
export interface Endpoint {
  host: string;
  port: number;
  /** Where the host is, at least one; absent: DNS is asked. */
  addresses?: LookupAddress[];
  /** Absent: plain TCP. Certificates and keys are PEM; without `ca` the system's are trusted. */
  tls?: { serverName?: string; ca?: string | string[]; certificate?: string; key?: string };
}

/** Opens an outbound connection; when the signal is aborted, now or later, the socket is destroyed. */
export type Connect = (to: Endpoint, signal: AbortSignal) => Promise<Socket | TLSSocket>;

/** Straight to the endpoint. UNAVAILABLE CONNECT_FAILED when nobody answers there, or not with the right certificate. */
export const connectDirectly: Connect = async ({ host, port, addresses, tls }, signal) => {
  signal.throwIfAborted();
  const plain = connectTcp({ host, port, signal, ...(addresses && { lookup: foundAt(addresses) }) });
  const socket = tls
    ? connectTls({
        socket: plain,
        ca: tls.ca,
        cert: tls.certificate,
        key: tls.key,
        host,
        servername: tls.serverName,
      })
    : plain;
  // An abort is an error of the socket at any time: nobody who listens must not mean the end of the process.
  for (const one of [plain, socket]) one.on('error', () => undefined);
  try {
    await once(socket, tls ? 'secureConnect' : 'connect', { signal });
    return socket;
  } catch (error) {
    plain.destroy();
    socket.destroy();
    signal.throwIfAborted();
    const code = (error as NodeJS.ErrnoException).code ?? 'no answer';
    throw new AppError({
      code: 'UNAVAILABLE',
      reason: 'CONNECT_FAILED',
      message: `Cannot connect to ${host}:${port} (${code}).`,
      details: { host, port: String(port), errno: code },
      cause: error,
    });
  }
};

/** Answers what is known already, in either of the shapes that are asked for. */
const foundAt =
  (addresses: LookupAddress[]): LookupFunction =>
  (_host, { all }, answer) => {
    const [{ address, family }] = addresses as [LookupAddress];
    if (all) answer(null, addresses);
    else answer(null, address, family);
  };
