import { newId } from '@certferry/core';
import { Metadata } from 'nice-grpc-common';
import type { CallContext, Principal } from './call-context.ts';

const REQUEST_ID = 'certferry-request-id';
const CALLER = 'certferry-caller';
const CALLER_NAME = 'certferry-caller-name';
/** Milliseconds that are left: two machines' clocks need not agree. */
const TIMEOUT = 'certferry-timeout-ms';

/** The metadata that carries `context`; what the caller gave by itself stays. */
export function toMetadata(context: CallContext, given?: Metadata): Metadata {
  const metadata = Metadata(given);
  if (!metadata.has(REQUEST_ID)) metadata.set(REQUEST_ID, context.requestId);
  if (!metadata.has(CALLER)) {
    const { id, name } = context.principal;
    metadata.set(CALLER, encodeURIComponent(id));
    if (name) metadata.set(CALLER_NAME, encodeURIComponent(name));
  }
  if (context.deadline) metadata.set(TIMEOUT, String(Math.max(0, context.deadline.getTime() - Date.now())));
  return metadata;
}

/** The context that a call came with; one without a request id gets a new one. */
export function fromMetadata(metadata: Metadata, signal: AbortSignal): CallContext {
  const timeout = Number.parseInt(metadata.get(TIMEOUT) ?? '', 10);
  return {
    requestId: metadata.get(REQUEST_ID) || newId(),
    principal: toPrincipal(decode(metadata.get(CALLER)), decode(metadata.get(CALLER_NAME))),
    ...(Number.isFinite(timeout) && { deadline: new Date(Date.now() + timeout) }),
    signal,
  };
}

const toPrincipal = (id: string, name: string): Principal => ({ id, ...(name && { name }) });

function decode(value: string | undefined): string {
  try {
    return decodeURIComponent(value ?? '');
  } catch {
    return value ?? '';
  }
}
