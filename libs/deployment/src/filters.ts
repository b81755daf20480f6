import { parseQuery } from '@certferry/core';
import { fieldTable, toDatabaseFilter, type DatabaseFilter, type QueryField } from '@certferry/database';

const STORE_FIELDS: Record<string, QueryField> = {
  id: { type: 'text', path: '_id', as: 'lower' },
  name: { type: 'text', path: 'name', as: 'exact' },
  kind: { type: 'text', path: 'kind', as: 'lower' },
};
const stores = fieldTable(STORE_FIELDS);

const JOB_FIELDS: Record<string, QueryField> = {
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
};
const jobs = fieldTable(JOB_FIELDS);

/** `Name -eq "web" AND label.machine -eq "HOST"`: stores by id, name, kind and labels. INVALID_FILTER for anything else. */
export function storeFilter(filter: string, now: Date): DatabaseFilter {
  const fields = (name: string): QueryField | undefined =>
    /^label\./i.test(name) ? { type: 'pair', path: 'labels', key: name.slice(6) } : stores.fields(name);
  return toDatabaseFilter(parseQuery(filter), { fields, names: `${stores.names}, label.<key>`, now });
}

/** `Status -eq "failed" AND StoreId -eq "…"`. INVALID_FILTER for unknown fields and values. */
export function jobFilter(filter: string, now: Date): DatabaseFilter {
  return toDatabaseFilter(parseQuery(filter), { ...jobs, now });
}
