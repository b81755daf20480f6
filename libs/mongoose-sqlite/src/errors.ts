import mongoose from 'mongoose';
import type { Document, IndexDefinition } from './index-definition.ts';

const { MongoBulkWriteError, MongoServerError } = mongoose.mongo;

/** MongoDB's error 11000, with the fields that mongoose and our services read. */
export function duplicateKey(
  collection: string,
  index: Pick<IndexDefinition, 'name' | 'fields'>,
  document: Document,
): Error {
  const keyPattern = Object.fromEntries(index.fields.map((field) => [field.path, field.descending ? -1 : 1]));
  const keyValue = Object.fromEntries(index.fields.map((field) => [field.path, document[field.path] ?? null]));
  const message = `E11000 duplicate key error collection: ${collection} index: ${index.name}`;
  return new MongoServerError({ message, errmsg: message, code: 11000, index: 0, keyPattern, keyValue });
}

/** What the driver throws when operations of a batch failed. */
export function bulkWriteError(errors: { index: number; error: unknown }[], result: object): Error {
  const writeErrors = errors.map(({ index, error }) => {
    const { message, code } = error as { message: string; code?: number };
    const fields = { index, errmsg: message, code: code ?? 0 };
    return { ...fields, err: { ...fields, op: {} } };
  });
  const first = writeErrors[0]!;
  return new MongoBulkWriteError(
    { message: first.errmsg, code: first.code, writeErrors: writeErrors as never },
    result as never,
  );
}
