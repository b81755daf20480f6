export { isDuplicateKey, openDatabase, type Database } from './database.ts';
