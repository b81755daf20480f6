export { isDuplicateKey, openDatabase, toBuffer, type Database } from './database.ts';
export { listPage, type Page, type PageQuery } from './list-page.ts';
export { Numbers } from './numbers.ts';
export {
  escapeExpression,
  fieldTable,
  toDatabaseFilter,
  type DatabaseFilter,
  type QueryField,
} from './query-filter.ts';
