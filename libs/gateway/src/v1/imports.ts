import type { importOperations } from '@certferry/rest';
import type { FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { readImportInput, type ImportInput } from './import-input.ts';
import { importToJson } from './import-json.ts';
import type { Routes } from './route.ts';

declare module 'fastify' {
  interface FastifyRequest {
    importInput?: ImportInput;
  }
}

export function importRoutes(context: GatewayContext): Routes<typeof importOperations> {
  const { services } = context;
  const run = async (request: FastifyRequest, dryRun: boolean) => {
    const { metadata, tags, url, endpoint, ...input } = request.importInput!;
    const answer = await services.imports.importCertificates({
      ...input,
      source: url === undefined ? endpoint && { $case: 'endpoint', value: endpoint } : { $case: 'url', value: url },
      metadata: metadata && { values: metadata },
      tags: tags && { values: tags },
      dryRun,
    });
    return importToJson(answer.import!);
  };
  // Before the shell's preHandler, which needs the body for the idempotency fingerprint.
  const preValidation = async (request: FastifyRequest) =>
    void (request.importInput = await readImportInput(context, request));
  return {
    importCertificates: { scope: 'write', preValidation, handler: (request) => run(request, false) },
    inspectContainer: { scope: 'read', readOnly: true, preValidation, handler: (request) => run(request, true) },
    getImport: {
      scope: 'read',
      handler: async (request) => importToJson((await services.imports.getImport(request.params)).import!),
    },
  };
}
