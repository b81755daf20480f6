import { parseQuery } from '@certferry/core';
import { fieldTable, toDatabaseFilter, type DatabaseFilter, type QueryField } from '@certferry/database';

const TABLE = fieldTable({
  id: { type: 'text', path: '_id', as: 'lower' },
  name: { type: 'text', path: 'name', as: 'exact' },
  kind: { type: 'text', path: 'kind', as: 'lower' },
});

/** `Name -eq "web" AND label.machine -eq "HOST"`: stores by id, name, kind and labels. INVALID_FILTER for anything else. */
export function storeFilter(filter: string, now: Date): DatabaseFilter {
  const fields = (name: string): QueryField | undefined =>
    /^label\./i.test(name) ? { type: 'pair', path: 'labels', key: name.slice(6) } : TABLE.fields(name);
  return toDatabaseFilter(parseQuery(filter), { fields, names: `${TABLE.names}, label.<key>`, now });
}
