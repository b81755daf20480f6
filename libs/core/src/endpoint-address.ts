import { domainToASCII } from 'node:url';
import { invalid } from './app-error.ts';

/** By scheme: the port where none is given, and what is spoken before TLS (absent: nothing). */
const SCHEMES = {
  tls: { port: 443 },
  smtp: { port: 25, startTls: 'smtp' },
  imap: { port: 143, startTls: 'imap' },
  pop3: { port: 110, startTls: 'pop3' },
  ldap: { port: 389, startTls: 'ldap' },
  postgres: { port: 5432, startTls: 'postgres' },
  mysql: { port: 3306, startTls: 'mysql' },
} as const;

/** The protocols in which TLS is asked for. */
export type StartTls = Exclude<keyof typeof SCHEMES, 'tls'>;

export const ENDPOINT_SCHEMES = Object.keys(SCHEMES);

/** A server that shows certificates in TLS. */
export interface EndpointAddress {
  /** A name as DNS has it, or an address without brackets. */
  host: string;
  port: number;
  /** What is spoken before TLS; absent: nothing. */
  startTls?: StartTls;
}

/**
 * `host:port`, or a URL of one of the schemes (`smtp://mail.example.com`), whose port may be left out; `https://host` is
 * `tls://host`. INVALID_ARGUMENT INVALID_FIELD for anything else.
 */
export function readEndpointAddress(text: string): EndpointAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  const name = scheme === undefined || scheme === 'https' ? 'tls' : scheme;
  const known = Object.hasOwn(SCHEMES, name) ? SCHEMES[name as keyof typeof SCHEMES] : undefined;
  // Of a scheme that it does not know, URL takes a port for what it is.
  const url = `${name}://${text.slice(scheme === undefined ? 0 : scheme.length + 3)}`;
  const read = URL.canParse(url) ? new URL(url) : undefined;
  const host = read && toHost(read.hostname);
  if (!known || !host || read.username || read.password || read.pathname.length > 1 || read.search || read.hash)
    throw invalid('INVALID_FIELD', `A server is named as ${formsOf(known && scheme)}, without anything else.`, {
      field: 'address',
    });
  const port = read.port === '' ? known.port : Number(read.port);
  if (port === 0) throw invalid('INVALID_FIELD', 'A port is from 1 to 65535.', { field: 'address' });
  return { host, port, ...('startTls' in known && { startTls: known.startTls }) };
}

const formsOf = (scheme: string | undefined): string =>
  scheme === undefined
    ? `host:port, or as scheme://host or scheme://host:port with one of the schemes ${ENDPOINT_SCHEMES.join(', ')}`
    : `${scheme}://host or ${scheme}://host:port`;

/** Names of other alphabets as DNS has them, addresses of IPv6 without their brackets. */
const toHost = (hostname: string): string =>
  hostname.startsWith('[') ? hostname.slice(1, -1) : domainToASCII(hostname);
