import { readFileSync } from 'node:fs';
import { AppError } from '@certferry/core';
import { z } from 'zod';
import { addressList } from './address-rules.ts';
import { Outbound } from './outbound.ts';

/** Settings of a service that goes where its callers say. */
export const outboundSettings = z.strictObject({
  /** Networks, addresses and host names, separated by commas, that are allowed besides public addresses. */
  outboundAllow: addressList.default([]),
  /** PEM file of authorities that are trusted besides the system's. */
  outboundCa: z.string().optional(),
});

/** INVALID_ARGUMENT INVALID_CONFIG when the file of authorities cannot be read. */
export function openOutbound({ outboundAllow: allow, outboundCa }: z.infer<typeof outboundSettings>): Outbound {
  try {
    return new Outbound({ allow, ca: outboundCa === undefined ? undefined : readFileSync(outboundCa, 'utf8') });
  } catch (cause) {
    const message = `CERTFERRY_OUTBOUND_CA: ${outboundCa} cannot be read.`;
    throw new AppError({ code: 'INVALID_ARGUMENT', reason: 'INVALID_CONFIG', message, cause });
  }
}
