import type { DocumentReader, FindOptions } from '../collection/document-reader.ts';
import type { Document, Filter } from '../query/document.ts';
import type { Plan } from '../query/plan-query.ts';

/** A find that runs when its documents are first asked for, and then all at once. */
export class SqliteCursor {
  readonly #reader: DocumentReader;
  readonly #filter: Filter;
  readonly #options: FindOptions;
  #documents: Document[] | undefined;

  constructor(reader: DocumentReader, filter: Filter, options: FindOptions) {
    this.#reader = reader;
    this.#filter = filter;
    this.#options = options;
  }

  async toArray(): Promise<Document[]> {
    return await Promise.resolve(this.#reader.documents(this.#filter, this.#options));
  }

  async next(): Promise<Document | null> {
    this.#documents ??= this.#reader.documents(this.#filter, this.#options).reverse();
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
    const plan = this.#reader.plan(this.#filter, this.#options);
    const source = plan.sorted ? stageOf(plan) : { stage: 'SORT', inputStage: stageOf(plan) };
    return await Promise.resolve({ queryPlanner: { winningPlan: source } });
  }
}

function stageOf(plan: Plan): object {
  if (plan.stage !== 'IXSCAN') return { stage: plan.stage };
  const direction = plan.reverse ? 'backward' : 'forward';
  return { stage: 'FETCH', inputStage: { stage: 'IXSCAN', indexName: plan.index.name, direction } };
}
