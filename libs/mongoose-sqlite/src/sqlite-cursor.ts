import { find } from 'mingo';
import type { Document } from './index-definition.ts';
import type { Filter, Plan, SortSpec } from './planner.ts';
import type { SqliteCollection } from './sqlite-collection.ts';

export interface FindOptions {
  sort?: Record<string, unknown> | Map<string, unknown> | [string, unknown][];
  skip?: number;
  limit?: number;
  projection?: Record<string, unknown>;
}

/** mongoose's forms of a sort as pairs. */
export function toSortSpec(sort: FindOptions['sort']): SortSpec {
  if (!sort) return [];
  const pairs = sort instanceof Map ? [...sort] : Array.isArray(sort) ? sort : Object.entries(sort);
  return pairs.map(([path, direction]) => [
    path,
    direction === -1 || direction === 'desc' || direction === 'descending' ? -1 : 1,
  ]);
}

/** A find that runs when its documents are first asked for, and then all at once. */
export class SqliteCursor {
  readonly #collection: SqliteCollection;
  readonly #filter: Filter;
  readonly #options: FindOptions;
  #documents: Document[] | undefined;

  constructor(collection: SqliteCollection, filter: Filter, options: FindOptions) {
    this.#collection = collection;
    this.#filter = filter;
    this.#options = options;
  }

  /** Sorted, skipped, cut and projected. */
  documents(): Document[] {
    const { sort, skip = 0, limit = 0, projection } = this.#options;
    const plan = this.#collection.plan(this.#filter, this.#options);
    let documents = this.#collection.scan(this.#filter, this.#options).map((match) => match.document);
    if (!plan.sorted)
      documents = find<Document>(documents, {})
        .sort(Object.fromEntries(toSortSpec(sort)))
        .all();
    if (skip || limit) documents = documents.slice(skip, limit ? skip + Math.abs(limit) : undefined);
    if (!projection || Object.keys(projection).length === 0) return documents;
    return find<Document>(documents, {}, projection).all();
  }

  async toArray(): Promise<Document[]> {
    return await Promise.resolve(this.documents());
  }

  async next(): Promise<Document | null> {
    this.#documents ??= this.documents().reverse();
    return await Promise.resolve(this.#documents.pop() ?? null);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Document> {
    for (let document = await this.next(); document; document = await this.next()) yield document;
  }

  async close(): Promise<void> {
    this.#documents = [];
    await Promise.resolve();
  }

  /** The winning plan, in the words of MongoDB's explain. */
  async explain(): Promise<object> {
    const plan = this.#collection.plan(this.#filter, this.#options);
    const source = plan.sorted ? stageOf(plan) : { stage: 'SORT', inputStage: stageOf(plan) };
    return await Promise.resolve({ queryPlanner: { winningPlan: source } });
  }
}

function stageOf(plan: Plan): object {
  if (plan.stage !== 'IXSCAN') return { stage: plan.stage };
  const direction = plan.reverse ? 'backward' : 'forward';
  return { stage: 'FETCH', inputStage: { stage: 'IXSCAN', indexName: plan.index.name, direction } };
}
