import type { FastifyInstance } from 'fastify';
import { duplicateKey, parseBody } from '../json-body.ts';
import { JimValidationError } from './errors.ts';

/** JSON whatever the content type says, no property twice, and the version in every answer. */
export function addConventions(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('*', { parseAs: 'string' }, (request, text, done) => {
    try {
      const body = request.method === 'DELETE' ? undefined : parseBody(text);
      const twice = body === undefined ? undefined : duplicateKey(text);
      if (twice) throw new JimValidationError({ [twice]: ['The property stands twice in the body.'] });
      done(null, body);
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook('onSend', (_request, reply) => Promise.resolve(void reply.header('api-supported-versions', '1.0')));
}
