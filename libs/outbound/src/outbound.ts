import type { LookupAddress } from 'node:dns';
import { lookup as askSystem } from 'node:dns/promises';
import { getCACertificates } from 'node:tls';
import { AppError } from '@certferry/core';
import { AddressRules } from './address-rules.ts';

/** All addresses of a host. */
export type Lookup = (host: string) => Promise<LookupAddress[]>;

export interface OutboundOptions {
  /** Networks, addresses and host names that are allowed besides public addresses. */
  allow?: readonly string[];
  /** PEM of authorities that are trusted besides the system's. */
  ca?: string;
  /** Default: as the system finds hosts. */
  lookup?: Lookup;
}

/** A host at addresses that may be connected to. */
export interface Target {
  host: string;
  addresses: LookupAddress[];
}

/** Where calls out may go that somebody who is not an administrator names: only to addresses that the rules allow. */
export class Outbound {
  /** PEM of the authorities that servers are checked against. */
  readonly ca: string[];
  readonly #rules: AddressRules;
  readonly #lookup: Lookup;

  constructor({ allow, ca, lookup = (host) => askSystem(host, { all: true }) }: OutboundOptions = {}) {
    this.ca = [...getCACertificates('default'), ...(ca === undefined ? [] : [ca])];
    this.#rules = new AddressRules(allow);
    this.#lookup = lookup;
  }

  /**
   * Finds a host: connect to what is answered, for DNS may say something else the next time.
   * UNAVAILABLE HOST_NOT_FOUND; PERMISSION_DENIED ADDRESS_NOT_ALLOWED when none of its addresses is allowed.
   */
  async resolve(host: string, signal: AbortSignal): Promise<Target> {
    const found = await this.#find(host, signal);
    const addresses = found.filter(({ address }) => this.#rules.allows(host, address));
    if (addresses.length > 0) return { host, addresses };
    throw new AppError({
      code: 'PERMISSION_DENIED',
      reason: 'ADDRESS_NOT_ALLOWED',
      message: `${host} has no public address: CERTFERRY_OUTBOUND_ALLOW can allow its name or network.`,
      details: { host },
    });
  }

  /** Looking up a name cannot be stopped, but nobody has to wait for it. */
  async #find(host: string, signal: AbortSignal): Promise<LookupAddress[]> {
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    const failed = (cause: unknown) => {
      const errno = (cause as NodeJS.ErrnoException).code ?? 'no answer';
      const message = `There is no host ${host} (${errno}).`;
      throw new AppError({ code: 'UNAVAILABLE', reason: 'HOST_NOT_FOUND', message, details: { host, errno }, cause });
    };
    return await Promise.race([this.#lookup(host).catch(failed), aborted]);
  }
}
