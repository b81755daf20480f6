import type { Import, ImportItem } from '@certferry/rest';

/** What two sendings of the same container did together: what the first one made is no news to the second. */
export function joinTries(first: Import, second: Import): Import {
  const made = Map.groupBy(first.items, (item) => item.certificateId ?? '');
  made.delete('');
  const items = second.items.map((item) => joinItems(made.get(item.certificateId ?? '')?.shift(), item));
  const results = { created: 0, updated: 0, unchanged: 0, failed: 0, passedOver: second.passedOver };
  if (second.items.length === second.total)
    for (const { result } of items)
      if (result !== 'passed_over') results[result]++;
      else {
        // Of so many, the items are not all here.
        const { created, updated, unchanged, failed } = first;
        const mended = failed - second.failed;
        Object.assign(results, { created, updated: updated + mended, unchanged, failed: second.failed });
      }
  return { ...second, ...results, items };
}

function joinItems(first: ImportItem | undefined, second: ImportItem): ImportItem {
  if (!first || second.result === 'failed') return second;
  if (second.result !== 'unchanged' && first.result !== 'created') return second;
  const { result, changes, keyFromCertificateId = second.keyFromCertificateId, keyAddedTo = second.keyAddedTo } = first;
  return { ...second, result, changes, keyFromCertificateId, keyAddedTo };
}
