import { AppError } from '@certferry/core';
import { isPlainObject } from './key-encoding.ts';

/** UNIMPLEMENTED UNSUPPORTED_OPERATOR, with the name of what was asked for. */
export function unsupported(what: string): AppError {
  return new AppError({
    code: 'UNIMPLEMENTED',
    reason: 'UNSUPPORTED_OPERATOR',
    message: `The embedded database does not support ${what}.`,
    details: { operator: what },
  });
}

const QUERY_OPERATORS = new Set(
  '$eq $ne $gt $gte $lt $lte $in $nin $exists $type $regex $options $all $elemMatch $size $mod $not $and $or $nor $expr'.split(
    ' ',
  ),
);
const UPDATE_OPERATORS = new Set(
  '$set $unset $inc $mul $min $max $rename $push $pull $pullAll $pop $addToSet $currentDate $setOnInsert'.split(' '),
);
const OPTIONS = ['session', 'collation', 'let', 'min', 'max', 'hint', 'tailable'];

/** Refuses by name the query operators that were not tested against MongoDB. */
export function checkFilter(filter: unknown): void {
  if (Array.isArray(filter)) return filter.forEach(checkFilter);
  if (!isPlainObject(filter)) return;
  for (const [key, value] of Object.entries(filter)) {
    if (key.startsWith('$') && !QUERY_OPERATORS.has(key)) throw unsupported(`the query operator ${key}`);
    if (key !== '$expr') checkFilter(value);
  }
}

/** Refuses updates by pipeline and unknown update operators by name. */
export function checkUpdate(update: unknown): asserts update is Record<string, Record<string, unknown>> {
  if (Array.isArray(update)) throw unsupported('an update by pipeline');
  for (const key of Object.keys(update as object)) {
    if (!UPDATE_OPERATORS.has(key)) throw unsupported(`the update operator ${key}`);
  }
}

/** Refuses by name the options that would change an operation's meaning. */
export function checkOptions(options: object | undefined): void {
  for (const name of OPTIONS) {
    if (options && (options as Record<string, unknown>)[name] != null) throw unsupported(`the option ${name}`);
  }
}
