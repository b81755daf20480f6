import { setTimeout as delay } from 'node:timers/promises';
import { AppError, type Clock } from '@certferry/core';
import { probeEndpoint, type Outbound } from '@certferry/outbound';
import { isRead, readServed, type ServedCertificate } from '../probes/probe.ts';
import { toEndpoint } from '../probes/probe-served.ts';
import type { StoreEndpoint, StoreEndpoints } from './endpoints.ts';
import type { Look } from './look.ts';

/** Of one connection: a server that hangs must not use up the time of the others. */
const LOOK_TIMEOUT_MS = 5_000;

/** What servers are to show. */
export interface Written {
  fingerprintSha256: string;
  /** The issuers that were written with it, nearest first. */
  chain: { fingerprintSha256: string; selfIssued: boolean }[];
}

export interface LookContext {
  outbound: Outbound;
  clock: Clock;
}

/**
 * Looks at every endpoint until it shows what was written, as often and as long as the store says; all at the same time.
 * Rejects only when the signal is aborted.
 */
export async function lookAtServed(
  context: LookContext,
  { items, graceSeconds, attempts }: Pick<StoreEndpoints, 'items' | 'graceSeconds' | 'attempts'>,
  { written, signal }: { written: Written; signal: AbortSignal },
): Promise<Look[]> {
  const began = performance.now();
  const pauseMs = (graceSeconds * 1000) / Math.max(attempts - 1, 1);
  const look = async (item: StoreEndpoint): Promise<Look> => {
    for (let attempt = 1; ; attempt++) {
      const seen = await lookOnce(context, item, { written, signal });
      const passedMs = performance.now() - began;
      if (seen.ok || attempt >= attempts || passedMs >= graceSeconds * 1000) return { ...seen, attempts: attempt };
      await delay(Math.max(attempt * pauseMs - passedMs, 0), undefined, { signal });
    }
  };
  return await Promise.all(items.map(look));
}

async function lookOnce(
  { outbound, clock }: LookContext,
  { address, serverName }: StoreEndpoint,
  { written, signal }: { written: Written; signal: AbortSignal },
): Promise<Omit<Look, 'attempts'>> {
  const base = { address, serverName, at: clock.now() };
  try {
    const endpoint = toEndpoint({ address, serverName });
    const served = readServed(await probeEndpoint(outbound, endpoint, { signal, timeoutMs: LOOK_TIMEOUT_MS }));
    const [leaf] = served;
    const { fingerprintSha256 } = leaf!;
    const subject = isRead(leaf) ? leaf.facts.subject : '';
    const problem = compareServed(served, written);
    return { ...base, ok: problem === '', fingerprintSha256, subject, problem };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    return { ...base, ok: false, fingerprintSha256: '', subject: '', problem: error.message };
  }
}

/** What is not as it was written, a sentence; empty when all is. Whether a root is sent is the server's own affair. */
export function compareServed(served: ServedCertificate[], written: Written): string {
  const [leaf, ...chain] = served;
  if (leaf!.fingerprintSha256 !== written.fingerprintSha256) {
    const subject = isRead(leaf) ? leaf.facts.subject || 'a certificate without a subject' : 'what cannot be read';
    return `It shows ${subject} (SHA-256 ${leaf!.fingerprintSha256}).`;
  }
  // Where a store holds no issuers, the server has them from elsewhere.
  if (written.chain.length === 0) return '';
  const sent = chain.filter((one) => !one.facts?.selfIssued).map((one) => one.fingerprintSha256);
  const wanted = written.chain.filter((one) => !one.selfIssued).map((one) => one.fingerprintSha256);
  if (sent.join() === wanted.join()) return '';
  const named = chain.map((one) => one.facts?.subject ?? 'what cannot be read').join(', then ');
  return `It shows the certificate with another chain than was written: ${named || 'none at all'}.`;
}
