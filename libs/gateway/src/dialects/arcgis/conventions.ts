import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ArcgisError } from './answer.ts';
import { readForm, type Form } from './form.ts';

declare module 'fastify' {
  interface FastifyRequest {
    form?: Form;
  }
}

const MAX_GET_BODY_BYTES = 64 * 1024;

/** Forms on every method. */
export function addConventions(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      request.form = readForm(body, request.headers['content-type'] ?? '');
      done(null, undefined);
    } catch (error) {
      done(error as Error);
    }
  });
  // One client asks for a resource by GET with its token in a form.
  app.addHook('preParsing', async (request) => {
    if (request.method === 'GET' && Number(request.headers['content-length'] ?? 0) > 0)
      request.form = await readGetForm(request);
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
