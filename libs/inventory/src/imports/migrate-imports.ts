import { isDuplicateKey, type Database } from '@certferry/database';
import type { Outbox } from '@certferry/events';
import mongoose, { type Model } from 'mongoose';
import { countResults, failedItem } from './import.ts';
import type { ImportItems } from './import-items.ts';
import { NOTHING_DONE, type ImportJob } from './import-job.ts';
import type { Imports } from './imports.ts';

/** As bulk imports were stored before they were imports like any other. */
interface OldBulkImport extends Outbox {
  _id: string;
  number: number;
  profileId: string;
  profileName: string;
  fileName: string;
  format: 'pem' | 'xml';
  size: number;
  address: string;
  caller: string;
  requestId?: string;
  status: 'pending' | 'completed' | 'failed';
  total: number;
  processed: number;
  failed: number;
  failures: { index: number; file: string; reason: string; message: string }[];
  generation: number;
  dueAt?: Date;
  createdAt: Date;
  completedAt?: Date;
}

const anything = new mongoose.Schema<OldBulkImport>({ _id: String }, { strict: false, versionKey: false });

/** Moves what is stored as it was before, one by one: a crash in between repeats one of them. */
export async function migrateImports(
  database: Database,
  to: { imports: Imports; importItems: ImportItems },
): Promise<void> {
  const old: Model<OldBulkImport> = database.model('bulk_imports', anything);
  for (;;) {
    const found = (await old.find({}).sort({ _id: 1 }).limit(100).lean()) as OldBulkImport[];
    for (const one of found) {
      await moveBulkImport(one, to);
      await old.deleteOne({ _id: one._id });
    }
    if (found.length === 0) break;
  }
  await countOld(to.imports);
}

async function moveBulkImport(
  one: OldBulkImport,
  { imports, importItems }: { imports: Imports; importItems: ImportItems },
): Promise<void> {
  const { job, failures } = toJob(one);
  const items = failures.map(({ index, file, ...why }) => ({ ...failedItem(index, why), ...(file && { file }) }));
  if (items.length > 0) await importItems.add(one._id, items);
  const { pendingEvents, outbox } = one;
  try {
    await imports.model.create({ ...job, ...(pendingEvents && { pendingEvents }), ...(outbox && { outbox }) });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}

function toJob(one: OldBulkImport): { job: ImportJob; failures: OldBulkImport['failures'] } {
  const { caller, size, processed, format, status, failures, total, failed, ...same } = one;
  const { _id, number, profileId, profileName, fileName, address, requestId, generation, dueAt, createdAt } = same;
  // One that could not be read to its end has that as its last failure, and what was not reached among the failed.
  const ended = status === 'failed' ? failures.at(-1) : undefined;
  const ownFailed = ended ? failed - (total - processed) : failed;
  const job: ImportJob = {
    ...NOTHING_DONE,
    ...{ _id, number, profileId, profileName, fileName, address, generation, createdAt },
    ...(requestId && { requestId }),
    ...(dueAt && { dueAt }),
    ...(one.completedAt && { completedAt: one.completedAt }),
    ...(ended && { problem: { reason: ended.reason, message: ended.message } }),
    status:
      status === 'pending'
        ? 'queued'
        : ended || (failed > 0 && failed === total)
          ? 'failed'
          : failed > 0
            ? 'partial'
            : 'completed',
    kind: 'archive',
    archiveFormat: format,
    format: '',
    items: [],
    notices: [],
    total,
    done: processed,
    failed: ownFailed,
    // What else was done with each was not counted then.
    created: processed - ownFailed,
    bytes: size,
    bytesDone: status === 'pending' ? 0 : size,
    request: JSON.stringify({ firstOfPem: false, createOnly: false, formats: [], filePath: '' }),
    requestedBy: caller,
  };
  return { job, failures: ended ? failures.slice(0, -1) : failures };
}

/** Imports of one request from before they were counted. */
async function countOld({ model }: Imports): Promise<void> {
  for (;;) {
    const found = await model
      .find({ total: { $exists: false } })
      .limit(20)
      .lean();
    for (const { _id, items } of found) {
      const counts = { ...countResults(items), total: items.length, done: items.length };
      await model.updateOne({ _id }, { $set: counts });
    }
    if (found.length === 0) return;
  }
}
