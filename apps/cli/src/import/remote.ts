import { domainToASCII } from 'node:url';
import type { ImportBody } from '@certferry/rest';
import { CliError } from '../cli-error.ts';

/** What the server fetches itself. */
export type Remote = Pick<ImportBody, 'url' | 'endpoint'>;
type Endpoint = NonNullable<ImportBody['endpoint']>;

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** What is spoken, and the port where none is given. */
const ENDPOINTS: Record<string, { port: number; startTls?: Endpoint['startTls'] }> = {
  tls: { port: 443 },
  smtp: { port: 25, startTls: 'smtp' },
  imap: { port: 143, startTls: 'imap' },
  pop3: { port: 110, startTls: 'pop3' },
  ldap: { port: 389, startTls: 'ldap' },
  postgres: { port: 5432, startTls: 'postgres' },
  mysql: { port: 3306, startTls: 'mysql' },
};

/** Whether it is no file but somewhere else. */
export const isRemote = (text: string): boolean => SCHEME.test(text);

/** As it may be shown: a URL's user and query may be secrets. */
export function nameOfRemote(text: string): string {
  if (!URL.canParse(text)) return text.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//');
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

/** Where a URL leads. CliError when it leads nowhere that is imported from. */
export function toRemote(text: string, serverName?: string): Remote {
  const scheme = SCHEME.exec(text)![1]!.toLowerCase();
  // What is no https URL is refused by the server, in its words.
  if (scheme === 'https' || scheme === 'http') return { url: text };
  const kind = Object.hasOwn(ENDPOINTS, scheme) ? ENDPOINTS[scheme] : undefined;
  if (!kind)
    throw new CliError(
      `Nothing is imported from ${scheme}://: it is https:// for a file, ${Object.keys(ENDPOINTS).join('://, ')}:// for what a server shows; a port that begins with TLS is tls://host:port.`,
    );
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const host = url && toHost(url.hostname);
  if (!host || url.username || url.password || url.pathname.length > 1 || url.search || url.hash)
    throw new CliError(`A server is named as ${scheme}://host or ${scheme}://host:port, without anything else.`);
  const port = url.port === '' ? kind.port : Number(url.port);
  return { endpoint: { host, port, serverName, startTls: kind.startTls } };
}

/** Names of other alphabets as DNS has them, addresses of IPv6 without their brackets. */
const toHost = (hostname: string): string =>
  hostname.startsWith('[') ? hostname.slice(1, -1) : domainToASCII(hostname);
