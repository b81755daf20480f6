import { Buffer } from 'node:buffer';
import { $gt, $gte, $lt, $lte } from 'mingo/operators/query';
import { ensureArray, resolve } from 'mingo/util';

/** mingo's comparisons, but with texts in MongoDB's order, which is that of UTF-8 and so of the keys; mingo's is that of UTF-16. */
export const textComparison = {
  $gt: ofTexts($gt, (order) => order > 0),
  $gte: ofTexts($gte, (order) => order >= 0),
  $lt: ofTexts($lt, (order) => order < 0),
  $lte: ofTexts($lte, (order) => order <= 0),
};

function ofTexts(otherwise: typeof $gt, holds: (order: number) => boolean): typeof $gt {
  return (selector, value, options) => {
    if (typeof value !== 'string') return otherwise(selector, value, options);
    const bytes = Buffer.from(value);
    const isMatch = (found: unknown) => typeof found === 'string' && holds(Buffer.compare(Buffer.from(found), bytes));
    return (document) => ensureArray(resolve(document, selector, { unwrapArray: true })).some(isMatch);
  };
}
