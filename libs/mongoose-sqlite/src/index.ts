export { useSqlite } from './driver.ts';
