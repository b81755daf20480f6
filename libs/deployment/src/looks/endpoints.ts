import { AppError, invalid } from '@certferry/core';
import type { Outbound } from '@certferry/outbound';
import { callContext } from '@certferry/rpc';
import { toEndpoint } from '../probes/probe-served.ts';

/** Where what a store holds is served, and how that is looked at after a job. */
export interface StoreEndpoints {
  items: StoreEndpoint[];
  /** How long a server may go on showing something else. */
  graceSeconds: number;
  /** How often each is looked at within that time, the first time at once. */
  attempts: number;
  onMismatch: 'fail' | 'rollback';
}

export interface StoreEndpoint {
  /** host:port, or a URL of a scheme that endpoints have. */
  address: string;
  /** Whose certificate is asked for; empty: the host's. */
  serverName: string;
  /** Only jobs of this entry look here; empty: every job. */
  alias: string;
}

/** What a person says of it; what is left out has its default. */
export interface EndpointsDraft extends Pick<StoreEndpoints, 'items'> {
  graceSeconds?: number;
  attempts?: number;
  onMismatch: string;
}

const MAX_ENDPOINTS = 20;
const MAX_ADDRESS_CHARACTERS = 300;
/** The store stays open meanwhile, which it may for five minutes. */
const MAX_GRACE_SECONDS = 120;
const MAX_ATTEMPTS = 100;
const DEFAULTS = { graceSeconds: 30, attempts: 16 };

/**
 * Absent when there are no items. INVALID_ARGUMENT INVALID_FIELD; PERMISSION_DENIED ADDRESS_NOT_ALLOWED for a host that
 * nobody may be sent to. A name that DNS does not know now is no error: it may later.
 */
export async function checkEndpoints(
  outbound: Outbound,
  draft: EndpointsDraft | undefined,
): Promise<StoreEndpoints | undefined> {
  if (!draft || draft.items.length === 0) return undefined;
  const { items, onMismatch = '', graceSeconds = DEFAULTS.graceSeconds, attempts = DEFAULTS.attempts } = draft;
  if (items.length > MAX_ENDPOINTS) throw wrong('items', `A store can have at most ${MAX_ENDPOINTS} endpoints.`);
  if (graceSeconds < 0 || graceSeconds > MAX_GRACE_SECONDS)
    throw wrong('graceSeconds', `endpoints.graceSeconds must be from 0 to ${MAX_GRACE_SECONDS}.`);
  if (attempts < 1 || attempts > MAX_ATTEMPTS)
    throw wrong('attempts', `endpoints.attempts must be from 1 to ${MAX_ATTEMPTS}.`);
  if (!['', 'fail', 'rollback'].includes(onMismatch))
    throw wrong('onMismatch', 'endpoints.onMismatch must be "fail" or "rollback".');
  for (const item of items) await checkEndpoint(outbound, item);
  return { items, graceSeconds, attempts, onMismatch: onMismatch === 'rollback' ? 'rollback' : 'fail' };
}

async function checkEndpoint(outbound: Outbound, item: StoreEndpoint): Promise<void> {
  if (item.address.length > MAX_ADDRESS_CHARACTERS)
    throw wrong('items', `An endpoint's address has at most ${MAX_ADDRESS_CHARACTERS} characters.`);
  const { host } = toEndpoint(item);
  try {
    await outbound.resolve(host, callContext().signal);
  } catch (error) {
    if (!(error instanceof AppError) || error.reason !== 'HOST_NOT_FOUND') throw error;
  }
}

const wrong = (field: string, message: string) => invalid('INVALID_FIELD', message, { field: `endpoints.${field}` });
