import { invalid, readEndpointAddress, type Clock } from '@certferry/core';
import { probeEndpoint, type Outbound, type Served, type ServedEndpoint } from '@certferry/outbound';
import { callContext } from '@certferry/rpc';
import type { KnownAuthorities } from './known-authorities.ts';
import {
  coversName,
  daysLeft,
  findInServed,
  isRead,
  readServed,
  servedPath,
  type ProbeFinding,
  type ServedCertificate,
} from './probe.ts';

export interface ProbeContext {
  outbound: Outbound;
  authorities: KnownAuthorities;
  clock: Clock;
}

export interface Probe extends Omit<Served, 'certificates'> {
  endpoint: ServedEndpoint;
  /** What the names were compared with. */
  serverName: string;
  certificates: (ServedCertificate & { certificateId?: string })[];
  coversServerName: boolean;
  daysLeft?: number;
  findings: ProbeFinding[];
}

const MAX_SERVER_NAME_CHARACTERS = 255;

/** INVALID_ARGUMENT INVALID_FIELD for what names no server. */
export function toEndpoint({ address, serverName }: { address: string; serverName: string }): ServedEndpoint {
  if (serverName.length > MAX_SERVER_NAME_CHARACTERS || /[\s/@:]/.test(serverName))
    throw invalid('INVALID_FIELD', 'serverName must be the name of a host.', { field: 'serverName' });
  return { ...readEndpointAddress(address), ...(serverName && { serverName }) };
}

/** What is served there now, and what is wrong with it. Throws as `probeEndpoint` of outbound. */
export async function probeServed(
  { outbound, authorities, clock }: ProbeContext,
  asked: { address: string; serverName: string },
): Promise<Probe> {
  const endpoint = toEndpoint(asked);
  const { certificates, ...agreed } = await probeEndpoint(outbound, endpoint, { signal: callContext().signal });
  const served = readServed({ certificates });
  const serverName = endpoint.serverName ?? endpoint.host;
  const now = clock.now();
  const end = servedPath(served).at(-1);
  const issuer = end === undefined ? undefined : await authorities.issuerOf(served[end]!);
  const ids = await authorities.idsOf(served);
  const [leaf] = served;
  return {
    ...agreed,
    endpoint,
    serverName,
    certificates: served.map((one) => ({ ...one, certificateId: ids.get(one.fingerprintSha256) })),
    coversServerName: coversName(leaf!.der, serverName),
    ...(isRead(leaf) && { daysLeft: daysLeft(leaf.facts, now) }),
    findings: findInServed(served, { serverName, now, issuer }),
  };
}
