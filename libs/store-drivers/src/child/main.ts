import { serveStores } from './serve-stores.ts';

serveStores();
