import type { Scope } from '@certferry/rest';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApiKey } from '../security/api-keys.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the caller's key must allow. Every route has it or is `anonymous`, else the start fails. */
    scope?: Scope;
    /** Needs no key. */
    anonymous?: boolean;
    /** A POST that changes nothing: no audit record. */
    readOnly?: boolean;
    /** Takes an Idempotency-Key. */
    idempotent?: boolean;
    /** What the caller says that a change is for, kept in the audit record as far as it was sent. */
    statedReason?(request: FastifyRequest): string | undefined;
  }
  interface FastifyRequest {
    apiKey?: ApiKey;
    /** The user name that came with the key; only recorded. */
    callerName?: string;
    /** What the body was, for the idempotency fingerprint; never logged. */
    bodyParts?: (string | Uint8Array)[];
    /** Under which the answer is kept, when the call came with an Idempotency-Key. */
    idempotencyId?: string;
    /** Aborted when the client leaves before its answer; never of what changes something. */
    clientLeft?: AbortSignal;
    /** Whether the audit log has a record of the call and waits for its outcome. */
    awaitsOutcome?: boolean;
    /** What the call failed with: the meaning, where the API's own status may say less. */
    failure?: Failure;
  }
}

/** A text is an API key; a record is one that something else stood for (a token). Undefined: nobody. */
export interface Credentials {
  key: string | ApiKey | undefined;
  /** A user name that came along. */
  user?: string;
}

export interface Failure {
  /** HTTP's number for it. */
  status: number;
  /** UPPER_SNAKE and stable. */
  reason: string;
}

export interface ErrorAnswer {
  status: number;
  body: string;
  type: string;
  headers?: Record<string, string>;
}

/**
 * A REST API behind the shell: our own or another product's. These three are all that an API says of itself; permission,
 * audit, idempotency, logging and `Retry-After` are the shell's, for all alike.
 */
export interface HttpApi {
  /** Who a request says that it comes from. Throws only what `errorAnswer` knows. */
  credentials: (request: FastifyRequest) => Credentials | Promise<Credentials>;
  /** The credentials are in the body: it is read before anybody is known. */
  credentialsInBody?: boolean;
  errorAnswer: (error: unknown, request: FastifyRequest) => ErrorAnswer;
  routes: (app: FastifyInstance) => void;
}

/** An error as compact JSON. */
export function jsonAnswer(status: number, value: object, headers?: Record<string, string>): ErrorAnswer {
  return { status, body: JSON.stringify(value), type: 'application/json; charset=utf-8', ...(headers && { headers }) };
}

/** The API key of X-Api-Key, else of Authorization: Bearer. */
export function apiKeyHeader({ headers }: FastifyRequest): Credentials {
  const header = headers['x-api-key'];
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  return { key: typeof header === 'string' ? header : bearer };
}
