import type { FileAnswer, Operation, Operations, Scope } from '@certferry/rest';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { keepFormsUnread } from '../upload-archive.ts';

/** A file as an answer. */
export interface SentFile {
  content: Uint8Array;
  mediaType: string;
  fileName: string;
}

type Checked<O, K extends string> = O extends { [M in K]: infer S extends z.ZodType } ? z.output<S> : unknown;

/** A request whose parts are as the operation says. */
export type RequestOf<O extends Operation> = FastifyRequest<{
  Params: Checked<O, 'params'>;
  Querystring: Checked<O, 'query'>;
  Body: Checked<O, 'body'>;
}>;

type Sent<A> = A extends z.ZodType ? z.input<A> : A extends FileAnswer ? SentFile : void;

/** How an operation is answered, and what its caller must be allowed. */
export interface Route<O extends Operation> {
  scope: Scope;
  /** A POST that changes nothing: no audit record. */
  readOnly?: boolean;
  /** What the audit record says that the call is for. */
  statedReason?(request: RequestOf<O>): string | undefined;
  /** A form is left unread, for the handler to take it as it comes. */
  streamsForm?: boolean;
  /** Before the shell's preHandler. */
  preValidation?: (request: FastifyRequest) => Promise<void>;
  /** The body of the answer; sets the status only where the operation has several, writes a stream itself, and answers the reply when it has sent it. */
  handler(request: RequestOf<O>, reply: FastifyReply): Promise<Sent<O['answers'][keyof O['answers']]> | FastifyReply>;
}

/** A route for each of these operations. */
export type Routes<Os extends Operations> = { [Id in keyof Os]: Route<Os[Id]> };

/** Adds the operations below "/v1": their schemas check what comes and what goes. */
export function addRoutes<Os extends Operations>(app: FastifyInstance, operations: Os, routes: Routes<Os>): void {
  for (const [id, operation] of Object.entries(operations)) {
    const route = routes[id] as Route<Operation>;
    if (!route.streamsForm) addRoute(app, operation, route);
    else
      void app.register((scope, _, done) => {
        keepFormsUnread(scope);
        addRoute(scope, operation, route);
        done();
      });
  }
}

function addRoute(app: FastifyInstance, operation: Operation, route: Route<Operation>): void {
  const { method, path, params, query: querystring, body, answers, idempotent } = operation;
  const { scope, readOnly, preValidation } = route;
  const response: Record<string, z.ZodType> = {};
  for (const [status, answer] of Object.entries(answers)) {
    if (answer instanceof z.ZodType) response[status] = answer;
    else if (answer.kind === 'nothing') response[status] = z.null();
  }
  const statuses = Object.keys(answers).map(Number);
  app.route({
    method,
    url: path.replace(/^\/v1/, '').replaceAll(/\{(\w+)\}/g, ':$1'),
    config: {
      ...{ scope, readOnly, idempotent },
      // Asked when the parts were checked, as the handler is.
      statedReason: (request) => route.statedReason?.(request as RequestOf<Operation>),
    },
    // Fastify warns of a member that is there and undefined.
    schema: { ...(params && { params }), ...(querystring && { querystring }), ...(body && { body }), response },
    ...(preValidation && { preValidation }),
    handler: async (request, reply) => {
      if (statuses.length === 1) reply.code(statuses[0]!);
      const answer = await route.handler(request, reply);
      if (answer === reply) return reply;
      const kind = kindOf(answers[reply.statusCode]);
      if (kind === 'stream') return reply;
      if (kind === 'file') return sendFile(reply, answer as SentFile);
      return await reply.send(kind === 'nothing' ? null : answer);
    },
  });
}

const kindOf = (answer: Operation['answers'][number] | undefined) =>
  answer === undefined || answer instanceof z.ZodType ? 'json' : answer.kind;

function sendFile(reply: FastifyReply, { content, mediaType, fileName }: SentFile): FastifyReply {
  return reply
    .header('content-disposition', `attachment; filename="${fileName}"`)
    .header('cache-control', 'no-store')
    .type(mediaType)
    .serializer((bytes: unknown) => bytes as string)
    .send(Buffer.from(content));
}
