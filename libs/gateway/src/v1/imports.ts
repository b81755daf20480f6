import { inventoryV1 } from '@certferry/contracts';
import { CSV_TYPE, MAX_DIRECT_IMPORT_BYTES, type importOperations, type ImportResult } from '@certferry/rest';
import type { FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { requireScope } from '../shell/authorize.ts';
import { importItemsCsv } from './import-csv.ts';
import { readImportInput, type ImportInput } from './import-input.ts';
import { importItemToJson, importSummaryToJson, importToJson } from './import-json.ts';
import { pageToJson } from './json-values.ts';
import type { Routes } from './route.ts';
import { prefersAsync, startImport } from './start-import.ts';

declare module 'fastify' {
  interface FastifyRequest {
    importInput?: ImportInput;
  }
}

/** A little more than what the inventory takes, which says what is wrong with it. */
const MAX_UPLOAD_BYTES = 201 * 1024 * 1024;

const RESULTS: Record<ImportResult, inventoryV1.ImportResult> = {
  created: inventoryV1.ImportResult.CREATED,
  updated: inventoryV1.ImportResult.UPDATED,
  unchanged: inventoryV1.ImportResult.UNCHANGED,
  failed: inventoryV1.ImportResult.FAILED,
  passed_over: inventoryV1.ImportResult.PASSED_OVER,
};

/** What a job would wait for as long as its caller: small, and there within seconds or not at all. */
const isFetched = ({ url, endpoint }: ImportInput): boolean => (url ?? endpoint) !== undefined;

export function importRoutes(context: GatewayContext): Routes<typeof importOperations> {
  const { imports } = context.services;
  const run = async (request: FastifyRequest, dryRun: boolean) => {
    const { metadata, tags, url, endpoint, large: _, fileName: __, ...input } = request.importInput!;
    const answer = await imports.importCertificates({
      ...input,
      source: url === undefined ? endpoint && { $case: 'endpoint', value: endpoint } : { $case: 'url', value: url },
      metadata: metadata && { values: metadata },
      tags: tags && { values: tags },
      dryRun,
    });
    return importToJson(answer.import!);
  };
  // Before the shell's preHandler, which needs the body for the idempotency fingerprint.
  const preValidation = (most: number) => async (request: FastifyRequest) =>
    void (request.importInput = await readImportInput(context, request, { most }));
  const itemsAsked = ({ result }: { result?: ImportResult | undefined }) =>
    result ? RESULTS[result] : inventoryV1.ImportResult.UNSPECIFIED;
  return {
    importCertificates: {
      scope: 'write',
      preValidation: preValidation(MAX_UPLOAD_BYTES),
      handler: async (request, reply) => {
        const input = request.importInput!;
        if (!input.large && (isFetched(input) || !prefersAsync(request)))
          return (reply.code(200), await run(request, false));
        const started = await startImport(context, request, input);
        reply.code(202).header('location', `/v1/imports/${started.id}`);
        if (prefersAsync(request)) reply.header('preference-applied', 'respond-async');
        return importToJson(started);
      },
    },
    inspectContainer: {
      scope: 'read',
      readOnly: true,
      preValidation: preValidation(MAX_DIRECT_IMPORT_BYTES),
      handler: (request) => {
        // Who may only read does not make the server call others.
        if (isFetched(request.importInput!)) requireScope(request, 'write');
        return run(request, true);
      },
    },
    listImports: {
      scope: 'read',
      handler: async (request) => pageToJson(await imports.listImports(request.query), importSummaryToJson),
    },
    getImport: {
      scope: 'read',
      handler: async (request) => importToJson((await imports.getImport(request.params)).import!),
    },
    listImportItems: {
      scope: 'read',
      handler: async (request, reply) => {
        const { id } = request.params;
        const asked = { ...request.query, id, result: itemsAsked(request.query) };
        if (!(request.headers.accept ?? '').includes(CSV_TYPE))
          return pageToJson(await imports.listImportItems(asked), importItemToJson);
        const rows = await importItemsCsv(context, asked);
        return reply
          .header('content-disposition', `attachment; filename="import-${id}.csv"`)
          .type(`${CSV_TYPE}; charset=utf-8`)
          .send(rows);
      },
    },
    pauseImport: {
      scope: 'write',
      handler: async (request) => importToJson((await imports.pauseImport(request.params)).import!),
    },
    resumeImport: {
      scope: 'write',
      handler: async (request) => importToJson((await imports.resumeImport(request.params)).import!),
    },
    cancelImport: {
      scope: 'write',
      handler: async (request) => importToJson((await imports.cancelImport(request.params)).import!),
    },
  };
}
