import { invalid, raise } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import { callContext } from '@certferry/rpc';
import { cancelImport, pauseImport, resumeImport, type ControlContext } from './control-import.ts';
import { importCertificates, type ImportContext } from './import-certificates.ts';
import { listImportItems, type ImportItemsContext } from './list-import-items.ts';
import { fromImportDraft, fromImportRequest, toImport, toImportItem, toSummary } from './mapping.ts';
import { chunksOf, startImport, type StartContext } from './start-import.ts';

export type ImportHandlersContext = ImportContext & StartContext & ControlContext & ImportItemsContext;

export function createImportHandlers(context: ImportHandlersContext): inventoryV1.ImportServiceImplementation {
  const { imports } = context;
  return {
    async importCertificates(request) {
      const done = await importCertificates(context, { ...fromImportRequest(request), ...requester() });
      return { import: toImport(done) };
    },

    async getImport({ id }) {
      return { import: toImport(await imports.get(id)) };
    },

    async startImport(messages) {
      const from = requester();
      let draft: inventoryV1.ImportDraft | undefined;
      const started = await startImport(
        context,
        chunksOf(messages, (one) => (draft = one)),
        {
          draft: () => fromImportDraft(draft ?? raise(missingDraft()), from),
        },
      );
      return { import: toImport(started) };
    },

    async listImports({ status, ...page }) {
      const { items, nextCursor, total } = await imports.list(status ? [{ status }] : [], page);
      return { items: items.map(toSummary), nextCursor, total };
    },

    async listImportItems({ id, result, ...page }) {
      const { items, nextCursor } = await listImportItems(context, id, { result, page });
      return { items: items.map((item) => toImportItem(item)), nextCursor };
    },

    async pauseImport({ id }) {
      return { import: toImport(await pauseImport(context, id)) };
    },

    async resumeImport({ id }) {
      return { import: toImport(await resumeImport(context, id)) };
    },

    async cancelImport({ id }) {
      return { import: toImport(await cancelImport(context, id)) };
    },
  };
}

function requester() {
  const { principal, requestId } = callContext();
  return { requestedBy: principal.id, requestId };
}

const missingDraft = () => invalid('INVALID_FIELD', 'A message must have the draft.', { field: 'draft' });
