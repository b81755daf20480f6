import { withCallContext, type CallContext } from '@certferry/rpc';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The longest that a request may take, an upload of an archive; each call to a service has its own, shorter deadline. */
const REQUEST_MS = 600_000;

/** Runs what follows in the context of the request: every call to a service says who asks, under which id, and until when. */
export function enterCallContext(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const { id: requestId, apiKey } = request;
  request.clientLeft ??= clientLeft(reply);
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
