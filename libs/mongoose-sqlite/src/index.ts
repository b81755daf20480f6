export { useSqlite } from './mongodb/use-sqlite.ts';
