import { cpus } from 'node:os';
import { benchBulk } from './bulk.ts';
import { benchContainers } from './containers.ts';
import { benchDatabase } from './database.ts';
import { benchParse } from './parse.ts';
import { benchSystem } from './system.ts';

// npm run bench [parse|containers|database|system|bulk]: prints tables; ratios are taken in this one run.
const BENCHES = {
  parse: benchParse,
  containers: benchContainers,
  database: benchDatabase,
  system: benchSystem,
  bulk: benchBulk,
};
const wanted = process.argv.slice(2);
console.log(`Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}\n`);
for (const [name, run] of Object.entries(BENCHES)) {
  if (wanted.length === 0 || wanted.includes(name)) await run();
}
