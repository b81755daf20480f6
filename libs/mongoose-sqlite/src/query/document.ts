/** A document as BSON decodes it. */
export type Document = Record<string, unknown>;

/** A filter in MongoDB's query language. */
export type Filter = Record<string, unknown>;

/** Whether a value is an embedded document: neither an array nor of a BSON type. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
