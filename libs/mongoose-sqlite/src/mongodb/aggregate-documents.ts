import { Aggregator } from 'mingo';
import { isPlainObject, type Document, type Filter } from '../query/document.ts';
import { unsupported } from '../query/unsupported.ts';

const STAGES = new Set('$match $group $project $unwind $sort $skip $limit $count $facet $addFields $set'.split(' '));

/** Runs a pipeline over what `find` gives it; a leading $match uses the indexes. Other stages than the tested ones are refused by name. */
export function aggregateDocuments(pipeline: Document[], find: (filter: Filter) => Document[]): Document[] {
  for (const stage of pipeline) {
    const name = Object.keys(stage)[0] ?? '';
    if (!STAGES.has(name)) throw unsupported(`the aggregation stage ${name}`);
  }
  const [first, ...rest] = pipeline;
  const match = isPlainObject(first?.['$match']) ? first['$match'] : undefined;
  const documents = find(match ?? {});
  const remaining = match ? rest : pipeline;
  return remaining.length === 0 ? documents : new Aggregator(remaining).run(documents);
}
