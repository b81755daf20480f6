/** MongoDB's order of types (BSON comparison order), of those that `scalars` makes. */
const TYPES: ((value: unknown) => boolean)[] = [
  (value) => value === null || value === undefined,
  (value) => typeof value === 'number',
  (value) => typeof value === 'string',
  (value) => typeof value === 'boolean',
  (value) => value instanceof Date,
];

/** MongoDB's comparison of two values that are no arrays, written as its manual has it: the oracle of the tests. */
export function compareValues(a: unknown, b: unknown): number {
  const [typeA, typeB] = [a, b].map((value) => TYPES.findIndex((is) => is(value)));
  if (typeA !== typeB) return typeA! - typeB!;
  if (typeof a === 'string' && typeof b === 'string') return compareCodePoints([...a], [...b]);
  const [x, y] = [Number(a), Number(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function compareCodePoints(a: string[], b: string[]): number {
  for (const [i, character] of a.entries()) {
    const order = character.codePointAt(0)! - (b[i]?.codePointAt(0) ?? -1);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
