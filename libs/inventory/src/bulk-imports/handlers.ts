import { invalid } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import type { DatabaseFilter } from '@certferry/database';
import { callContext } from '@certferry/rpc';
import type { EnrollmentProfiles } from '../enrollment-profiles/enrollment-profiles.ts';
import type { ImportItems } from '../imports/import-items.ts';
import { ACTIVE } from '../imports/import-job.ts';
import { chunksOf, startImport, type StartContext } from '../imports/start-import.ts';
import { toBulkImport } from './mapping.ts';

export interface BulkImportContext extends StartContext {
  profiles: EnrollmentProfiles;
  importItems: ImportItems;
}

/** Failures that are answered of one import; the rest is only counted. */
const MAX_FAILURES = 1_000;

/** Imports that came in by an enrollment profile, in the shape that they had before they were imports like any other. */
export function createBulkImportHandlers(context: BulkImportContext): inventoryV1.BulkImportServiceImplementation {
  const { imports, importItems, profiles } = context;
  return {
    async startBulkImport(requests) {
      const { principal, requestId } = callContext();
      const messages = requests[Symbol.asyncIterator]() as Messages;
      const { profileId, fileName, address, namedByFormat } = await readDraft(messages);
      const profile = await profiles.get(profileId);
      const asked = { firstOfPem: false, createOnly: false, formats: [], filePath: '' };
      const request = { ...asked, requestedBy: principal.id, requestId };
      const started = await startImport(
        context,
        chunksOf(rest(messages), () => undefined),
        {
          profile,
          draft: () => ({ request, fileName, address, profile, namedByFormat }),
        },
      );
      return { bulkImport: toBulkImport(started, []) };
    },

    async getBulkImport({ id }) {
      const job = await imports.getBulk(id);
      return { bulkImport: toBulkImport(job, await importItems.failures(id, MAX_FAILURES)) };
    },

    async listBulkImports({ profileId, status, ...page }) {
      const filter = [{ profileId: profileId || { $exists: true } }, ...ofStatus(status)];
      const { items, total } = await imports.listBulk(filter, { ...page, withTotal: true });
      return { items: items.map((job) => ({ ...toBulkImport(job, []), failures: [] })), total };
    },
  };
}

// Its type leaves open what an iteration ends with.
type Messages = AsyncIterator<inventoryV1.StartBulkImportRequest, undefined>;

async function readDraft(messages: Messages): Promise<inventoryV1.BulkImportDraft> {
  const first = await messages.next();
  if (first.done || first.value.part?.$case !== 'draft')
    throw invalid('INVALID_FIELD', 'The first message must have the draft.', { field: 'draft' });
  return first.value.part.value;
}

async function* rest(messages: Messages): AsyncGenerator<{ part?: { $case: 'chunk'; value: Uint8Array } }> {
  for (let next = await messages.next(); !next.done; next = await messages.next())
    if (next.value.part?.$case === 'chunk') yield { part: next.value.part };
}

/** The stored imports that a caller of bulk imports knows under a status. */
function ofStatus(status: string): DatabaseFilter[] {
  const active = { status: { $in: ACTIVE } };
  const failed = { $or: [{ status: 'cancelled' }, { problem: { $exists: true } }] };
  switch (status) {
    case '':
      return [];
    case 'pending':
      return [active];
    case 'failed':
      return [failed];
    case 'completed':
      return [{ status: { $in: ['completed', 'partial', 'failed'] }, problem: { $exists: false } }];
    default:
      return [{ status }];
  }
}
