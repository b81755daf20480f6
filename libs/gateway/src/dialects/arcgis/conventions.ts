import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../../gateway-context.ts';
import { authorize, recordAudit } from '../../guards.ts';
import { noSuchRoute, toProblem } from '../../problem.ts';
import { answer, ArcgisError, toErrorBody } from './answer.ts';
import { readForm, type Form } from './form.ts';
import type { Tokens } from './tokens.ts';

declare module 'fastify' {
  interface FastifyRequest {
    form?: Form;
  }
}

const MAX_GET_BODY_BYTES = 64 * 1024;

/** Forms on every method, tokens, audit, and errors as HTTP 200: clients of this product read nothing of other statuses. */
export function addConventions(app: FastifyInstance, context: GatewayContext, tokens: Tokens): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      request.form = readForm(body as Buffer, request.headers['content-type'] ?? '');
      done(null, undefined);
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook('preValidation', async (request) => {
    // One client asks for a resource by GET with its token in a form.
    if (request.method === 'GET' && Number(request.headers['content-length'] ?? 0) > 0)
      request.form = await readGetForm(request);
    if (request.is404 || request.routeOptions.config.anonymous) return;
    const token = tokenOf(request);
    if (token === undefined) throw new ArcgisError(499, 'Token Required');
    const from = { referer: request.headers.referer ?? '', ip: request.ip };
    const caller = await tokens.find(token, from);
    await authorize(context, request, caller ?? { key: undefined });
  });
  app.addHook('preHandler', async (request) => await recordAudit(context, request));
  app.setErrorHandler(async (error, request, reply) => {
    const { status } = toProblem(error, request.id);
    const unexpected = status >= 500 && !(error instanceof ArcgisError);
    if (unexpected) context.platform.logger.error({ err: error, requestId: request.id }, 'request failed');
    return await answer(request, reply.code(200), toErrorBody(error));
  });
  app.setNotFoundHandler(async (request, reply) => {
    return await reply
      .code(404)
      .type('application/json;charset=utf-8')
      .send(JSON.stringify(toErrorBody(noSuchRoute(request))));
  });
}

async function readGetForm(request: FastifyRequest): Promise<Form> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.raw) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > MAX_GET_BODY_BYTES) throw new ArcgisError(400, 'The form is too large.');
  }
  return readForm(Buffer.concat(chunks), request.headers['content-type'] ?? '');
}

/** In a form's field, a header, or (only of a GET: addresses are logged elsewhere) in the query. */
function tokenOf(request: FastifyRequest): string | undefined {
  const query = (request.query as Record<string, unknown>)['token'];
  const header = request.headers['x-esri-authorization'] ?? request.headers.authorization;
  const bearer = /^Bearer +(\S+)$/i.exec(typeof header === 'string' ? header : '')?.[1];
  const inQuery = request.method === 'GET' && typeof query === 'string' ? query : undefined;
  return request.form?.fields.get('token') || inQuery || bearer || undefined;
}

/** A field of the form, under any of its names. */
export function field(request: FastifyRequest, ...names: string[]): string | undefined {
  for (const name of names) {
    const value = request.form?.fields.get(name.toLowerCase());
    if (value !== undefined) return value;
  }
  return undefined;
}

/** The form's file; clients name its part in several ways. */
export function file(request: FastifyRequest): { fileName: string; content: Buffer } {
  const [found] = request.form?.files ?? [];
  if (!found) throw new ArcgisError(400, 'The form needs a part "file" with the certificate.');
  return found;
}

export function flag(request: FastifyRequest, name: string, fallback: boolean): boolean {
  const value = field(request, name)?.trim().toLowerCase();
  if (value === undefined || value === '') return fallback;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new ArcgisError(400, `${name} must be true or false.`);
}
