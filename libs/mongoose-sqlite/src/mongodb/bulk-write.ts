import mongoose from 'mongoose';
import type { DocumentWriter, UpdateResult } from '../collection/document-writer.ts';
import type { SqliteFile } from '../collection/sqlite-file.ts';
import type { UpdateOptions } from '../query/apply-update.ts';
import type { Document, Filter } from '../query/document.ts';
import { unsupported } from '../query/unsupported.ts';
import { checkFilter, checkUpdate } from './check-operation.ts';

/** `{ insertOne: { document } }` and the like. */
export type BulkOperation = Record<
  string,
  { document?: Document; filter?: Filter; update?: Document; replacement?: Document } & UpdateOptions
>;

export interface BulkResult {
  acknowledged: true;
  ok: 1;
  insertedCount: number;
  matchedCount: number;
  modifiedCount: number;
  deletedCount: number;
  upsertedCount: number;
  insertedIds: Record<number, unknown>;
  upsertedIds: Record<number, unknown>;
}

interface BulkFailure {
  index: number;
  error: unknown;
}

/** Runs operations in one transaction; one that fails is undone alone, and ends an ordered batch. Throws MongoDB's MongoBulkWriteError. */
export async function bulkWrite(
  to: { file: SqliteFile; writer: DocumentWriter },
  operations: BulkOperation[],
  { ordered = true }: { ordered?: boolean },
): Promise<BulkResult> {
  const result: BulkResult = {
    acknowledged: true,
    ok: 1,
    insertedCount: 0,
    matchedCount: 0,
    modifiedCount: 0,
    deletedCount: 0,
    upsertedCount: 0,
    insertedIds: {},
    upsertedIds: {},
  };
  const failures: BulkFailure[] = [];
  await to.file.write(() => {
    for (const [index, operation] of operations.entries()) {
      try {
        to.file.savepoint(() => runOperation(to.writer, operation, { result, index }));
      } catch (error) {
        failures.push({ index, error });
        if (ordered) break;
      }
    }
  });
  if (failures.length > 0) throw bulkWriteError(failures, result);
  return result;
}

function runOperation(
  writer: DocumentWriter,
  operation: BulkOperation,
  { result, index }: { result: BulkResult; index: number },
): void {
  const [name, { filter = {}, ...one }] = Object.entries(operation)[0]!;
  checkFilter(filter);
  if (name === 'insertOne') {
    result.insertedIds[index] = writer.insert(one.document!);
    result.insertedCount++;
  } else if (name === 'deleteOne' || name === 'deleteMany') {
    result.deletedCount += writer.delete(filter, name === 'deleteOne' ? 1 : undefined);
  } else if (name === 'updateOne' || name === 'updateMany') {
    checkUpdate(one.update!);
    const done = writer.update(filter, one.update, { ...one, limit: name === 'updateOne' ? 1 : undefined });
    countUpdate(done, { result, index });
  } else if (name === 'replaceOne') {
    countUpdate(writer.replace(filter, one.replacement!, one), { result, index });
  } else throw unsupported(`the bulk operation ${name}`);
}

function countUpdate(done: UpdateResult, { result, index }: { result: BulkResult; index: number }): void {
  result.matchedCount += done.matchedCount;
  result.modifiedCount += done.modifiedCount;
  result.upsertedCount += done.upsertedCount;
  if (done.upsertedCount > 0) result.upsertedIds[index] = done.upsertedId;
}

function bulkWriteError(failures: BulkFailure[], result: BulkResult): Error {
  const writeErrors = failures.map(({ index, error }) => {
    const { message, code } = error as { message: string; code?: number };
    const fields = { index, errmsg: message, code: code ?? 0 };
    return { ...fields, err: { ...fields, op: {} } };
  });
  const first = writeErrors[0]!;
  // Casts: the driver's WriteError and BulkWriteResult cannot be made outside of it; mongoose reads these fields of them.
  return new mongoose.mongo.MongoBulkWriteError(
    { message: first.errmsg, code: first.code, writeErrors: writeErrors as never },
    result as never,
  );
}
