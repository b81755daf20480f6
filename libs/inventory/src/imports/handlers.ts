import type { inventoryV1 } from '@certferry/contracts';
import { callContext } from '@certferry/rpc';
import { importCertificates, type ImportContext } from './import-certificates.ts';
import { fromImportRequest, toImport } from './mapping.ts';

export function createImportHandlers(context: ImportContext): inventoryV1.ImportServiceImplementation {
  return {
    async importCertificates(request) {
      const { principal, requestId } = callContext();
      const requester = { requestedBy: principal.id, requestId };
      const done = await importCertificates(context, { ...fromImportRequest(request), ...requester });
      return { import: toImport(done) };
    },

    async getImport({ id }) {
      return { import: toImport(await context.imports.get(id)) };
    },
  };
}
