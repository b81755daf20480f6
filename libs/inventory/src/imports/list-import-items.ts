import { decodeCursor, encodeCursor, pageLimit } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import type { Page, PageQuery } from '@certferry/database';
import type { ImportItem, ImportResult } from './import.ts';
import type { ImportItems } from './import-items.ts';
import type { Imports } from './imports.ts';

export interface ImportItemsContext {
  imports: Imports;
  importItems: ImportItems;
}

const RESULTS: Partial<Record<inventoryV1.ImportResult, ImportResult>> = {
  [inventoryV1.ImportResult.CREATED]: 'created',
  [inventoryV1.ImportResult.UPDATED]: 'updated',
  [inventoryV1.ImportResult.UNCHANGED]: 'unchanged',
  [inventoryV1.ImportResult.FAILED]: 'failed',
  [inventoryV1.ImportResult.PASSED_OVER]: 'passedOver',
};

/** What became of each item, by index, wherever it is kept. NOT_FOUND IMPORT_NOT_FOUND. */
export async function listImportItems(
  { imports, importItems }: ImportItemsContext,
  id: string,
  { result, page }: { result: inventoryV1.ImportResult; page: PageQuery },
): Promise<Page<ImportItem>> {
  const wanted = RESULTS[result];
  const { items } = await imports.get(id);
  return items.length === 0 ? await importItems.list(id, wanted, page) : pageOf(items, wanted, page);
}

/** A page of the items that an import of one request has itself. */
function pageOf(items: ImportItem[], result: ImportResult | undefined, { limit, cursor }: PageQuery): Page<ImportItem> {
  const after = cursor ? Number(decodeCursor(cursor, 'index').value) : -1;
  const rest = items.filter((item) => item.index > after && (result === undefined || item.result === result));
  const page = rest.slice(0, pageLimit(limit));
  const last = page.at(-1);
  const nextCursor =
    last && page.length < rest.length ? encodeCursor({ sort: 'index', value: last.index, id: String(last.index) }) : '';
  return { items: page, nextCursor };
}
