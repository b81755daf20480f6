import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { GatewayContext } from '../gateway-context.ts';
import { callOptions } from '../guards.ts';
import { readImportInput, type ImportInput } from './import-input.ts';
import { importToJson } from './json.ts';
import { idParams, importAnswer } from './schemas.ts';

declare module 'fastify' {
  interface FastifyRequest {
    importInput?: ImportInput;
  }
}

export function importRoutes(base: FastifyInstance, context: GatewayContext): void {
  const app = base.withTypeProvider<ZodTypeProvider>();
  const { services } = context;
  const run = async (request: FastifyRequest, dryRun: boolean) => {
    const { metadata, tags, ...input } = request.importInput!;
    const answer = await services.imports.importCertificates(
      { ...input, metadata: metadata && { values: metadata }, tags: tags && { values: tags }, dryRun },
      callOptions(request),
    );
    return importToJson(answer.import!);
  };
  // Before the guards' preHandler, which needs the body for the idempotency fingerprint.
  const preValidation = async (request: FastifyRequest) =>
    void (request.importInput = await readImportInput(context, request));
  const body =
    'multipart/form-data with the part "file" and the fields password, keyPassword, name, notes, and as JSON metadata, tags, firstOfPem, createOnly and formats, or JSON with contentBase64 or filePath.';

  app.post(
    '/imports',
    {
      preValidation,
      config: { scope: 'write', idempotent: true },
      schema: {
        tags: ['imports'],
        summary: 'Import a container of certificates and keys',
        description: `${body} Safe to repeat: the second time every item is "unchanged".`,
        response: { 200: importAnswer },
      },
    },
    (request) => run(request, false),
  );
  app.post(
    '/imports/inspect',
    {
      preValidation,
      config: { scope: 'read', readOnly: true },
      schema: {
        tags: ['imports'],
        summary: 'Say what an import would do, with every certificate’s facts, and keep nothing',
        description: body,
        response: { 200: importAnswer },
      },
    },
    (request) => run(request, true),
  );
  app.get(
    '/imports/:id',
    {
      config: { scope: 'read' },
      schema: { tags: ['imports'], summary: 'What an import did', params: idParams, response: { 200: importAnswer } },
    },
    async (request) =>
      importToJson((await services.imports.getImport({ id: request.params.id }, callOptions(request))).import!),
  );
}
