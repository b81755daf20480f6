import { find as findIn } from 'mingo';
import { compileFilter } from '../query/compile-filter.ts';
import type { Document, Filter } from '../query/document.ts';
import { planQuery, type Plan } from '../query/plan-query.ts';
import { sortDocuments, toSortSpec, type SortOption } from '../query/sort-documents.ts';
import { decodeDocument, type DocumentTable } from './document-table.ts';

/** What is found, in which order, and what of it. */
export interface FindOptions {
  sort?: SortOption;
  skip?: number;
  /** 0: no limit; of a negative one, as in MongoDB, the amount counts. */
  limit?: number;
  projection?: Record<string, unknown>;
}

/** A document that was found, with what is needed to change it. */
export interface Match {
  rid: number;
  bytes: Uint8Array;
  document: Document;
}

/** Finds the documents of a collection. */
export class DocumentReader {
  readonly #table: DocumentTable;

  constructor(table: DocumentTable) {
    this.#table = table;
  }

  /** How a query would be run. */
  plan(filter: Filter, options: FindOptions): Plan {
    return planQuery({ filter, sort: toSortSpec(options.sort) }, this.#table.indexes());
  }

  /** All matches, sorted, skipped and cut. */
  matches(filter: Filter, options: FindOptions = {}): Match[] {
    const { skip = 0 } = options;
    const limit = Math.abs(options.limit ?? 0);
    const plan = this.plan(filter, options);
    const end = limit ? skip + limit : Infinity;
    const found = this.#scan(filter, plan, plan.sorted ? end : Infinity);
    return (plan.sorted ? found : sortDocuments(found, toSortSpec(options.sort))).slice(skip, end);
  }

  /** All matches, sorted, skipped, cut and projected. */
  documents(filter: Filter, options: FindOptions = {}): Document[] {
    const documents = this.matches(filter, options).map((match) => match.document);
    return project(documents, options.projection);
  }

  /** The matches in the plan's order, no more than `limit`. */
  #scan(filter: Filter, plan: Plan, limit: number): Match[] {
    const selective = Object.keys(filter).length > 0;
    // Made for the first document: a look-up that the index answers with nothing, as imports make thousands, needs none.
    let query: ReturnType<typeof compileFilter> | undefined;
    const matches: Match[] = [];
    const seen = new Set<number>();
    for (const { rid, doc } of this.#table.rows(plan)) {
      if (seen.has(rid)) continue;
      const document = decodeDocument(doc);
      if (selective && !(query ??= compileFilter(filter)).test(document)) continue;
      if (plan.stage !== 'COLLSCAN') seen.add(rid);
      matches.push({ rid, bytes: doc, document });
      if (matches.length >= limit) break;
    }
    return matches;
  }
}

/** What a projection leaves of documents. */
export function project(documents: Document[], projection: FindOptions['projection']): Document[] {
  // mingo sets up all of its operators for each call, also for no documents.
  if (documents.length === 0 || !projection || Object.keys(projection).length === 0) return documents;
  return findIn<Document>(documents, {}, projection).all();
}
