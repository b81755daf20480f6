import fc from 'fast-check';
import type { Document, Filter } from '../query/document.ts';
import { defineIndex, type IndexDefinition } from '../query/index-definition.ts';
import type { SortSpec } from '../query/sort-documents.ts';
import { scalars, texts } from './generated-values.ts';

/** A question to a collection. */
export interface Question {
  filter: Filter;
  sort: SortSpec;
  skip: number;
  limit: number;
}

/** A collection's life, and questions to it. */
export interface Scenario {
  indexes: IndexDefinition[];
  inserted: Document[];
  /** Documents that take the place of those with their _id. */
  replaced: Document[];
  deleted: Filter;
  questions: Question[];
}

/** One more often than the others, so that filter, order and index meet. */
const PATHS = ['a', 'a', 'b', 'n.x'];
const DIRECTION = fc.constantFrom<(1 | -1)[]>(1, -1);

/** Scenarios; `plain` has only texts that JavaScript orders as MongoDB does. */
export function scenarios(plain: boolean): fc.Arbitrary<Scenario> {
  return fc.record({
    indexes: fc.uniqueArray(indexes, { minLength: 1, maxLength: 3, selector: (index) => index.name }),
    inserted: fc.array(documents(plain), { minLength: 4, maxLength: 10 }),
    replaced: fc.array(documents(plain), { maxLength: 3 }),
    deleted: fc.oneof(ids, fc.constant('none')).map((_id) => ({ _id })),
    questions: fc.array(questions(plain), { minLength: 10, maxLength: 20 }),
  });
}

const questions = (plain: boolean): fc.Arbitrary<Question> =>
  fc.record({
    filter: filters(plain),
    sort: fc.uniqueArray(fc.tuple(fc.constantFrom(...PATHS, '_id'), DIRECTION), {
      maxLength: 2,
      selector: ([path]) => path,
    }),
    skip: fc.integer({ min: 0, max: 2 }),
    limit: fc.integer({ min: 0, max: 4 }),
  });

const ids = fc.integer({ min: 0, max: 9 }).map((n) => `id${n}`);

const indexes: fc.Arbitrary<IndexDefinition> = fc
  .record({
    fields: fc.uniqueArray(fc.tuple(fc.constantFrom(...PATHS, '_id'), DIRECTION), {
      minLength: 1,
      maxLength: 3,
      selector: ([path]) => path,
    }),
    sparse: fc.boolean(),
    unique: fc.integer({ min: 0, max: 4 }).map((chance) => chance === 0),
  })
  .map(({ fields, ...options }) => defineIndex(Object.fromEntries(fields), options));

/** What documents and filters have in common more often than not. */
const common = fc.constantFrom<unknown[]>(0, 1, 2, 'a', 'ab', null);
const commonLists = fc.constantFrom<unknown[]>([], [0, 2], [1, 2], [1, 'ab']);

const values = (plain: boolean): fc.Arbitrary<unknown> =>
  fc.oneof(
    { arbitrary: common, weight: 6 },
    { arbitrary: scalars(plain), weight: 2 },
    { arbitrary: commonLists, weight: 2 },
    { arbitrary: fc.array(fc.oneof(common, scalars(plain)), { maxLength: 3 }), weight: 1 },
  );

/** Every field may be missing; `n` may be a document, a list of documents or neither. */
function documents(plain: boolean): fc.Arbitrary<Document> {
  const inner = fc.record({ x: values(plain) }, { requiredKeys: [] });
  const n = fc.oneof(inner, fc.array(inner, { maxLength: 2 }), scalars(plain));
  return fc.record({ _id: ids, a: values(plain), b: values(plain), n }, { requiredKeys: ['_id'] });
}

function filters(plain: boolean): fc.Arbitrary<Filter> {
  const condition = fc.tuple(fc.constantFrom(...PATHS), conditions(plain)).map(([path, asked]) => ({ [path]: asked }));
  const id = fc.oneof(
    ids,
    fc.array(ids, { maxLength: 3 }).map(($in) => ({ $in })),
    ids.map(($gt) => ({ $gt })),
  );
  const leaf = fc.oneof({ arbitrary: condition, weight: 8 }, { arbitrary: id.map((_id) => ({ _id })), weight: 1 });
  const several = fc.array(leaf, { minLength: 1, maxLength: 3 });
  return fc.oneof(
    fc.constant({}),
    leaf,
    several.map((list) => list.reduce((all, one) => ({ ...all, ...one }), {})),
    several.map(($and) => ({ $and })),
    several.map(($or) => ({ $or })),
    fc.tuple(leaf, several).map(([one, $or]) => ({ ...one, $or })),
  );
}

function conditions(plain: boolean): fc.Arbitrary<unknown> {
  const value = values(plain);
  const start = texts(plain).map((text) => `^${text.replace(/[.*]/g, '\\$&')}`);
  const operators = (...names: string[]) =>
    fc.tuple(fc.constantFrom(...names), value).map(([name, v]) => ({ [name]: v }));
  return fc.oneof(
    common,
    value,
    operators('$eq', '$ne', '$gt', '$gte', '$lt', '$lte'),
    fc.tuple(operators('$gt', '$gte'), operators('$lt', '$lte')).map(([low, high]) => ({ ...low, ...high })),
    fc.array(value, { maxLength: 3 }).map(($in) => ({ $in })),
    fc.boolean().map(($exists) => ({ $exists })),
    fc.tuple(start, fc.constantFrom('', 'a*', 'b?', '$', 'a+b')).map(([text, end]) => new RegExp(text + end)),
    fc.tuple(start, fc.constantFrom('', 'i')).map(([text, $options]) => ({ $regex: text, $options })),
    fc.tuple(start, fc.constantFrom('', 'i')).map(([text, $options]) => ({ $regex: new RegExp(text), $options })),
  );
}
