import { AppError, ENDPOINT_SCHEMES, readEndpointAddress } from '@certferry/core';
import type { ImportBody } from '@certferry/rest';
import { CliError } from '../cli-error.ts';

/** What the server fetches itself. */
export type Remote = Pick<ImportBody, 'url' | 'endpoint'>;

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

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
  if (!ENDPOINT_SCHEMES.includes(scheme))
    throw new CliError(
      `Nothing is imported from ${scheme}://: it is https:// for a file, ${ENDPOINT_SCHEMES.join('://, ')}:// for what a server shows; a port that begins with TLS is tls://host:port.`,
    );
  try {
    return { endpoint: { ...readEndpointAddress(text), serverName } };
  } catch (error) {
    throw error instanceof AppError ? new CliError(error.message) : error;
  }
}
