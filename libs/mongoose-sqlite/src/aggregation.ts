import { Aggregator } from 'mingo';
import type { Document } from './index-definition.ts';
import type { Filter } from './planner.ts';
import type { SqliteCollection } from './sqlite-collection.ts';
import { checkFilter, unsupported } from './unsupported.ts';

const STAGES = new Set('$match $group $project $unwind $sort $skip $limit $count $facet $addFields $set'.split(' '));

/** Runs a pipeline; a leading $match uses the indexes. Other stages than the tested ones are refused by name. */
export async function aggregateDocuments(collection: SqliteCollection, pipeline: Document[]): Promise<Document[]> {
  for (const stage of pipeline) {
    const name = Object.keys(stage)[0] ?? '';
    if (!STAGES.has(name)) throw unsupported(`the aggregation stage ${name}`);
  }
  const [first, ...rest] = pipeline;
  const match = (first?.['$match'] ?? undefined) as Filter | undefined;
  checkFilter(match);
  const documents = await collection.find(match ?? {}).toArray();
  const remaining = match ? rest : pipeline;
  if (remaining.length === 0) return documents;
  return new Aggregator(remaining).run(documents);
}
