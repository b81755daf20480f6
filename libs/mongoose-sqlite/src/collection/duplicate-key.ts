import mongoose from 'mongoose';
import type { Document } from '../query/document.ts';
import type { IndexDefinition } from '../query/index-definition.ts';

const { MongoServerError } = mongoose.mongo;

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
