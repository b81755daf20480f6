import type { UpdateOperators } from '../query/apply-update.ts';
import { isPlainObject } from '../query/document.ts';
import { unsupported } from '../query/unsupported.ts';

const QUERY_OPERATORS = new Set(
  '$eq $ne $gt $gte $lt $lte $in $nin $exists $type $regex $options $all $elemMatch $size $mod $not $and $or $nor $expr'.split(
    ' ',
  ),
);
const UPDATE_OPERATORS = new Set(
  '$set $unset $inc $mul $min $max $rename $push $pull $pullAll $pop $addToSet $currentDate $setOnInsert'.split(' '),
);
const OPTIONS = new Set(['session', 'collation', 'let', 'min', 'max', 'hint', 'tailable']);

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
export function checkUpdate(update: object): asserts update is UpdateOperators {
  if (Array.isArray(update)) throw unsupported('an update by pipeline');
  for (const key of Object.keys(update)) {
    if (!UPDATE_OPERATORS.has(key)) throw unsupported(`the update operator ${key}`);
  }
}

/** Refuses by name the options that would change an operation's meaning. */
export function checkOptions(options: object | undefined): void {
  for (const [name, value] of Object.entries(options ?? {})) {
    if (OPTIONS.has(name) && value != null) throw unsupported(`the option ${name}`);
  }
}
