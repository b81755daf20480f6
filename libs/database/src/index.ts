export { isDuplicateKey, openDatabase, toBuffer, type Database } from './database.ts';
