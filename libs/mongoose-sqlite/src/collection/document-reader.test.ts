import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { find } from 'mingo';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileFilter } from '../query/compile-filter.ts';
import type { Document } from '../query/document.ts';
import type { SortSpec } from '../query/sort-documents.ts';
import { defineIndex } from '../query/index-definition.ts';
import { scenarios, type Question, type Scenario } from '../testing/generated-queries.ts';
import { compareValues } from '../testing/reference-order.ts';
import { DocumentReader } from './document-reader.ts';
import { DocumentTable } from './document-table.ts';
import { DocumentWriter } from './document-writer.ts';
import { SqliteFile } from './sqlite-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'certferry-reader-'));
const RUNS = 60;
let file: SqliteFile;
beforeAll(() => {
  file = new SqliteFile(folder);
});
afterAll(() => {
  file.close();
  rmSync(folder, { recursive: true });
});

/** Runs `ask` over a collection that has lived through the scenario and was then opened anew. Inside a write. */
function live(scenario: Scenario, ask: (reader: DocumentReader) => void): void {
  const table = new DocumentTable(file, 'lived');
  const writer = new DocumentWriter(table, new DocumentReader(table));
  const [first, ...others] = scenario.indexes;
  table.createIndex(first!);
  for (const document of scenario.inserted) unlessDuplicate(() => writer.insert({ ...document }));
  for (const index of others) unlessDuplicate(() => table.createIndex(index));
  for (const { _id, ...fields } of scenario.replaced) unlessDuplicate(() => writer.replace({ _id }, fields, {}));
  writer.delete(scenario.deleted);
  const reopened = new DocumentTable(file, 'lived');
  try {
    ask(new DocumentReader(reopened));
  } finally {
    reopened.drop();
  }
}

/** What a unique index refuses is not there: the rest must be found all the same. */
function unlessDuplicate(run: () => void): void {
  try {
    file.savepoint(run);
  } catch (error) {
    if ((error as { code?: number }).code !== 11000) throw error;
  }
}

/** Of an array its least value counts in a sort, or descending its greatest; undefined is what an empty one has. */
function sortValues(document: Document, sort: SortSpec): unknown[] {
  return sort.map(([path, direction]) => {
    const found = valuesAt(document, path.split('.')).sort(compareSorted);
    return direction === 1 ? found[0] : found.at(-1);
  });
}

const NO_ELEMENT = Symbol('no element');

function valuesAt(value: unknown, [head, ...rest]: string[]): unknown[] {
  if (head === undefined)
    return !Array.isArray(value) ? [value ?? null] : value.length === 0 ? [NO_ELEMENT] : [...value];
  if (Array.isArray(value)) return value.length === 0 ? [null] : value.flatMap((one) => valuesAt(one, [head, ...rest]));
  return valuesAt((value as Document | null | undefined)?.[head], rest);
}

function compareSorted(a: unknown, b: unknown): number {
  if (a === NO_ELEMENT || b === NO_ELEMENT) return Number(b === NO_ELEMENT) - Number(a === NO_ELEMENT);
  return compareValues(a, b);
}

function bySort(sort: SortSpec): (a: Document, b: Document) => number {
  return (a, b) => {
    const [x, y] = [sortValues(a, sort), sortValues(b, sort)];
    for (const [i, [, direction]] of sort.entries()) {
      const order = compareSorted(x[i], y[i]);
      if (order !== 0) return order * direction;
    }
    return 0;
  };
}

const idsOf = (documents: Document[]): unknown[] => documents.map((one) => one['_id']);

/** What is found is `matching`, each once, in the order asked for, skipped and cut. */
function expectFound(reader: DocumentReader, question: Question, matching: Document[]): void {
  const { filter, sort, skip, limit } = question;
  expect(idsOf(reader.documents(filter)).sort()).toEqual(idsOf(matching).sort());
  const found = reader.documents(filter, { sort, skip, limit });
  const expected = matching.toSorted(bySort(sort)).slice(skip, limit ? skip + limit : undefined);
  expect(found.length).toBe(expected.length);
  expect(idsOf(matching)).toEqual(expect.arrayContaining(idsOf(found)));
  expect(new Set(idsOf(found)).size).toBe(found.length);
  for (const [i, document] of found.entries()) expect(bySort(sort)(document, expected[i]!)).toBe(0);
}

describe('what a plan finds', () => {
  test("is what a scan with mingo finds, in MongoDB's order", async () => {
    const plans = new Map<string, number>();
    const property = fc.property(scenarios(true), (scenario) =>
      live(scenario, (reader) => {
        const all = reader.documents({});
        for (const question of scenario.questions) {
          const { stage, sorted } = reader.plan(question.filter, question);
          const kind = `${stage}${question.sort.length > 0 && sorted ? ' in order' : ''}`;
          plans.set(kind, (plans.get(kind) ?? 0) + 1);
          expectFound(reader, question, find<Document>(all, question.filter).all());
        }
      }),
    );
    await file.write(() => fc.assert(property, { numRuns: RUNS }));
    // The property says nothing unless every kind of plan was made.
    expect([...plans.keys()].sort()).toEqual(['COLLSCAN', 'IDHACK', 'IDHACK in order', 'IXSCAN', 'IXSCAN in order']);
  });

  test('is what a scan finds, for every text', async () => {
    const property = fc.property(scenarios(false), (scenario) =>
      live(scenario, (reader) => {
        const all = reader.documents({});
        for (const question of scenario.questions) {
          const query = compileFilter(question.filter);
          const matching = all.filter((document) => query.test(document));
          expectFound(reader, question, matching);
        }
      }),
    );
    await file.write(() => fc.assert(property, { numRuns: RUNS }));
  });
});

describe('what is found, case by case:', () => {
  const found = async (
    inserted: Document[],
    question: Partial<Question>,
    keys: Record<string, 1 | -1> = { a: 1 },
  ): Promise<unknown[]> => {
    const { filter = {}, sort = [], skip = 0, limit = 0 } = question;
    const indexes = [defineIndex(keys)];
    let documents: Document[] = [];
    await file.write(() =>
      live({ indexes, inserted, replaced: [], deleted: { _id: 'none' }, questions: [] }, (reader) => {
        documents = reader.documents(filter, { sort, skip, limit });
      }),
    );
    return idsOf(documents);
  };

  test('an _id that is asked for twice comes once', async () => {
    expect(await found([{ _id: 'x' }], { filter: { _id: { $in: ['x', 'x'] } } })).toEqual(['x']);
  });

  test.each<[string, unknown, object]>([
    ['an empty one', [], { a: [] }],
    ['by its elements', [1, 2], { a: [1, 2] }],
    ['by $eq', [1, 2], { a: { $eq: [1, 2] } }],
    ['by $gt', [[2]], { a: { $gt: [1] } }],
  ])('an array is found by an array: %s', async (_, a, filter) => {
    expect(await found([{ _id: 'x', a }], { filter: { ...filter } })).toEqual(['x']);
  });

  test('$options count beside an expression that is an object', async () => {
    expect(await found([{ _id: 'x', a: 'ab' }], { filter: { a: { $regex: /^A/, $options: 'i' } } })).toEqual(['x']);
  });

  test('an array stands by its least value (descending: its greatest), not by the one that the filter asked for', async () => {
    const documents = [
      { _id: 'x', a: [1, 9] },
      { _id: 'y', a: [0, 1, 5] },
      { _id: 'z', a: 7 },
    ];
    expect(await found(documents, { filter: { a: 1 }, sort: [['a', 1]] })).toEqual(['y', 'x']);
    expect(await found(documents, { filter: { a: { $gt: 4 } }, sort: [['a', 1]] })).toEqual(['y', 'x', 'z']);
    expect(await found(documents, { filter: { a: { $lt: 8 } }, sort: [['a', -1]] })).toEqual(['x', 'z', 'y']);
  });

  test.each<Record<string, 1 | -1>>([{ a: 1 }, { b: 1 }])(
    "texts have MongoDB's order in filters and sorts, index %j",
    async (keys) => {
      const documents = [
        { _id: 'x', a: '𠮷' },
        { _id: 'y', a: '\uffee' },
      ];
      expect(await found(documents, { filter: { a: { $gt: '\uffee' } } }, keys)).toEqual(['x']);
      expect(await found(documents, { filter: { a: { $gte: '𠮷' } } }, keys)).toEqual(['x']);
      expect(await found(documents, { filter: { a: { $lt: '𠮷' } } }, keys)).toEqual(['y']);
      expect(await found(documents, { filter: { a: { $lte: '\uffee' } } }, keys)).toEqual(['y']);
      expect(await found(documents, { filter: { a: { $gt: 'a' }, $expr: true } }, keys)).toEqual(
        expect.arrayContaining(['x', 'y']),
      );
      expect(await found(documents, { sort: [['a', 1]] }, keys)).toEqual(['y', 'x']);
    },
  );

  test('the amount of a negative limit counts', async () => {
    expect(await found([{ _id: 'x' }, { _id: 'y' }, { _id: 'z' }], { limit: -2 })).toEqual(['x', 'y']);
  });
});

describe('what was undone', () => {
  test('leaves a new collection usable', async () => {
    const table = new DocumentTable(file, 'undone');
    const writer = new DocumentWriter(table, new DocumentReader(table));
    const undone = file.write(() => {
      writer.insert({ _id: 'x' });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await file.write(() => writer.insert({ _id: 'x' }));
    expect(table.count()).toBe(1);
  });

  test('leaves no index behind, and does not count as knowledge of arrays', async () => {
    const table = new DocumentTable(file, 'arrays');
    const writer = new DocumentWriter(table, new DocumentReader(table));
    await file.write(() => {
      table.createIndex(defineIndex({ a: 1 }));
      table.createIndex(defineIndex({ b: 1 }, { unique: true }));
      writer.insert({ _id: 'x', b: 1 });
      writer.insert({ _id: 'y', b: 1.5 });
    });
    await expect(file.write(() => writer.insert({ _id: 'z', a: [1, 10], b: 1 }))).rejects.toMatchObject({
      code: 11000,
    });
    await file.write(() => writer.insert({ _id: 'z', a: [1, 10], b: 2 }));
    const reopened = new DocumentReader(new DocumentTable(file, 'arrays'));
    expect(idsOf(reopened.documents({ a: { $gt: 5, $lt: 6 } }))).toEqual(['z']);

    const undone = file.write(() => {
      table.createIndex(defineIndex({ c: 1 }));
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(table.indexes().map((index) => index.definition.name)).toEqual(['a_1', 'b_1']);
  });
});
