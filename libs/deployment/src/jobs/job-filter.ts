import { parseQuery } from '@certferry/core';
import { fieldTable, toDatabaseFilter, type DatabaseFilter } from '@certferry/database';

const TABLE = fieldTable({
  id: { type: 'text', path: '_id', as: 'lower' },
  number: { type: 'number', path: 'number' },
  storeid: { type: 'text', path: 'storeId', as: 'lower' },
  certificateid: { type: 'text', path: 'certificateId', as: 'lower' },
  status: { type: 'text', path: 'status', as: 'lower' },
  action: { type: 'text', path: 'action', as: 'lower' },
  alias: { type: 'text', path: 'alias', as: 'exact' },
  attempts: { type: 'number', path: 'attempts' },
  message: { type: 'text', path: 'error.message', as: 'exact' },
  changes: { type: 'list', path: 'changes' },
  createdat: { type: 'date', path: 'createdAt' },
});

/** `Status -eq "failed" AND StoreId -eq "…"`. INVALID_FILTER for unknown fields and values. */
export function jobFilter(filter: string, now: Date): DatabaseFilter {
  return toDatabaseFilter(parseQuery(filter), { ...TABLE, now });
}
