import { withCallContext, type CallContext } from '@certferry/rpc';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isMutating } from './audit-calls.ts';

/** The longest that a request may take, an upload of an archive; each call to a service has its own, shorter deadline. */
const REQUEST_MS = 600_000;

const NEVER = new AbortController().signal;

/**
 * Runs what follows in the context of the request: every call to a service says who asks, under which id, and until when.
 * A client that leaves ends what only reads; a change that was begun goes on to its outcome, and to the answer that a
 * second call with its Idempotency-Key gets.
 */
export function enterCallContext(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const { id: requestId, apiKey } = request;
  request.clientLeft ??= isMutating(request) ? NEVER : clientLeft(reply);
  const context: CallContext = {
    requestId,
    principal: { id: apiKey?._id ?? '' },
    deadline: new Date(Date.now() + REQUEST_MS - reply.elapsedTime),
    signal: request.clientLeft,
  };
  withCallContext(context, done);
}

/** Aborted when the connection closes before the answer is out. */
function clientLeft({ raw }: FastifyReply): AbortSignal {
  const left = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) left.abort();
  });
  return left.signal;
}
