import { invalid } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import {
  checkUrl,
  fetchFile,
  isStartTls,
  nameOf,
  readEndpoint,
  withoutQuery,
  type Outbound,
  type ServedEndpoint,
} from '@certferry/outbound';
import { callContext } from '@certferry/rpc';
import { writePem } from '@certferry/x509';

const MAX_CONTENT_BYTES = 10 * 1024 * 1024;

/** A container, and where it was fetched from unless it was sent. */
interface Fetched {
  content: Uint8Array;
  source?: string;
}

type Wanted = Pick<inventoryV1.ImportCertificatesRequest, 'content'> & {
  source?: inventoryV1.ImportCertificatesRequest['source'];
};

/** The content that was sent, or what is where the request says, as long as the call waits. An endpoint's chain becomes PEM. */
export async function fetchSource(outbound: Outbound, { content, source }: Wanted): Promise<Fetched> {
  if (!source) return { content };
  if (content.length > 0)
    throw invalid('INVALID_FIELD', 'A container is either sent or fetched.', { field: source.$case });
  const { signal } = callContext();
  if (source.$case === 'url') {
    const fetched = await fetchFile(outbound, { url: source.value, maxBytes: MAX_CONTENT_BYTES, signal });
    return { content: fetched, source: withoutQuery(checkUrl(source.value)) };
  }
  const endpoint = checkEndpoint(source.value);
  const chain = await readEndpoint(outbound, endpoint, { signal });
  return {
    content: Buffer.from(chain.map((der) => writePem('CERTIFICATE', der)).join('')),
    source: describe(endpoint),
  };
}

/** INVALID_ARGUMENT INVALID_FIELD for what is no endpoint. */
function checkEndpoint({ host, port, serverName, startTls }: inventoryV1.ServedEndpoint): ServedEndpoint {
  if (host === '' || /[\s/@]/.test(host))
    throw invalid('INVALID_FIELD', 'endpoint.host must be a name or an address.', { field: 'endpoint.host' });
  if (port < 1 || port > 65_535)
    throw invalid('INVALID_FIELD', 'endpoint.port must be from 1 to 65535.', { field: 'endpoint.port' });
  if (startTls === '') return { host, port, serverName: serverName || undefined };
  if (!isStartTls(startTls))
    throw invalid('INVALID_FIELD', 'endpoint.startTls must be smtp, imap, pop3, ldap, postgres or mysql.', {
      field: 'endpoint.startTls',
    });
  return { host, port, serverName: serverName || undefined, startTls };
}

/** tls://host:port, or smtp://host:port; with the name that was asked for where that is another. */
const describe = ({ serverName, startTls, ...endpoint }: ServedEndpoint): string =>
  `${startTls ?? 'tls'}://${nameOf(endpoint)}${serverName === undefined ? '' : `?serverName=${encodeURIComponent(serverName)}`}`;
