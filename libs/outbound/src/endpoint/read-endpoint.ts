import { constants } from 'node:crypto';
import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AppError, limitExceeded, type EndpointAddress } from '@certferry/core';
import { connectDirectly } from '../connect.ts';
import type { Outbound } from '../outbound.ts';
import { withinTime } from '../within-time.ts';
import { Dialogue } from './dialogue.ts';
import { recording } from './recording.ts';
import { readServedCertificates, type ServerFlight } from './served-certificates.ts';
import { startTls } from './start-tls.ts';

const TIMEOUT_MS = 10_000;
/** Far more than any client takes: OpenSSL's limit of a chain is 100 KiB. */
const MAX_FLIGHT_BYTES = 1024 * 1024;

export interface ServedEndpoint extends EndpointAddress {
  /** Whose certificate is asked for (SNI); default: the host, unless it is an address. */
  serverName?: string;
}

/** What a server shows in a handshake. */
export interface Served {
  /** DER, in its order and with its repetitions. */
  certificates: Buffer[];
  /** "TLSv1.3", and the cipher suite by IANA's name; absent where the handshake ended before they were agreed on. */
  protocol?: string;
  cipher?: string;
}

export interface ReadOptions {
  signal: AbortSignal;
  /** Milliseconds; 10,000. */
  timeoutMs?: number;
}

/** host:port, an IPv6 address in brackets. */
export const nameOf = ({ host, port }: Pick<ServedEndpoint, 'host' | 'port'>): string =>
  `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;

/** The certificates that a server sends, DER, in its order and with its repetitions; throws as `probeEndpoint`. */
export const readEndpoint = async (...asked: Parameters<typeof probeEndpoint>): Promise<Buffer[]> =>
  (await probeEndpoint(...asked)).certificates;

/**
 * What a server shows, at least one certificate; whether it is to be trusted is not looked at. TLS 1.0 to 1.3, whatever the
 * keys' size.
 * UNAVAILABLE START_TLS_REFUSED, TLS_FAILED; DEADLINE_EXCEEDED SOURCE_TOO_SLOW; and those of connecting.
 */
export async function probeEndpoint(
  outbound: Outbound,
  endpoint: ServedEndpoint,
  { signal: caller, timeoutMs = TIMEOUT_MS }: ReadOptions,
): Promise<Served> {
  const name = nameOf(endpoint);
  return await withinTime({ signal: caller, timeoutMs, what: name }, async (signal) => {
    const target = await outbound.resolve(endpoint.host, signal);
    const socket = await connectDirectly({ ...target, port: endpoint.port }, signal);
    try {
      if (endpoint.startTls) await startTls(endpoint.startTls, new Dialogue(socket, name));
      const { flight, agreed, error } = await shakeHands(socket, endpoint);
      const certificates = readServedCertificates(flight);
      if (certificates?.length) return { certificates, ...agreed };
      throw error instanceof Error ? error : new Error('no certificate');
    } catch (error) {
      throw error instanceof AppError ? error : tlsFailed(endpoint, error);
    } finally {
      socket.destroy();
    }
  });
}

/**
 * What the server sends in a handshake. One that fails afterwards, for want of a client's certificate or since OpenSSL cannot
 * read the server's, has shown its chain all the same.
 */
async function shakeHands(
  socket: Socket,
  endpoint: ServedEndpoint,
): Promise<{ flight: ServerFlight; agreed: Omit<Served, 'certificates'>; error?: unknown }> {
  const chunks: Buffer[] = [];
  let received = 0;
  let secret: Buffer | undefined;
  let agreed: Omit<Served, 'certificates'> = {};
  let error: unknown;
  const recorded = recording(socket, (chunk) => {
    received += chunk.length;
    if (received <= MAX_FLIGHT_BYTES) chunks.push(chunk);
    else {
      const message = `${nameOf(endpoint)} sends more than ${MAX_FLIGHT_BYTES} bytes in a handshake.`;
      error ??= limitExceeded('handshake bytes', MAX_FLIGHT_BYTES, message);
      recorded.destroy();
    }
  });
  const tls = connectTls({
    socket: recorded,
    servername: endpoint.serverName ?? (isIP(endpoint.host) ? '' : endpoint.host),
    // It is looked at, not trusted: old and weak servers have certificates too.
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT:@SECLEVEL=0',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  });
  tls.on('error', () => undefined);
  tls.on('keylog', (line: Buffer) => {
    const [label, , hex] = line.toString('latin1').trim().split(' ');
    if (label === 'SERVER_HANDSHAKE_TRAFFIC_SECRET') secret = Buffer.from(hex!, 'hex');
  });
  try {
    tls.once('secureConnect', () => {
      agreed = { protocol: tls.getProtocol() ?? undefined, cipher: tls.getCipher().standardName };
    });
    await Promise.race([once(tls, 'secureConnect'), once(tls, 'close')]);
  } catch (thrown) {
    error ??= thrown;
  } finally {
    tls.destroy();
  }
  return { flight: { bytes: Buffer.concat(chunks), secret }, agreed, error };
}

function tlsFailed(endpoint: ServedEndpoint, cause: unknown): AppError {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'none was sent';
  const hint = endpoint.startTls
    ? ''
    : ' If TLS is not spoken from the beginning there, say by startTls how it begins.';
  const message = `${nameOf(endpoint)} does not show a certificate in TLS (${errno}).${hint}`;
  return new AppError({ code: 'UNAVAILABLE', reason: 'TLS_FAILED', message, details: { errno }, cause });
}
