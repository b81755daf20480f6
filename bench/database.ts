import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@certferry/database';
import mongoose from 'mongoose';
import { printTable, rate } from './table.ts';

/** Rates of the embedded database over 20,000 documents of a kilobyte; every write is on the disk when it is counted. */
export async function benchDatabase(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'certferry-bench-'));
  const database = await openDatabase(`embedded:${folder}`);
  const schema = new mongoose.Schema<{ _id: string; name: string; n: number; text: string }>(
    { _id: String, name: String, n: Number, text: String },
    { versionKey: false },
  );
  schema.index({ name: 1, _id: 1 });
  schema.index({ n: 1 });
  const items = database.model('items', schema);
  await database.ready();
  const total = 20_000;
  const make = (n: number) => ({ _id: `id-${n}`, name: `name ${n % 1_000}`, n, text: 'x'.repeat(1_000) });
  let next = 0;
  const single = await rate(2, () => items.create(make(1_000_000 + next++)));
  const parallel =
    (await rate(2, () => Promise.all(Array.from({ length: 50 }, () => items.create(make(1_000_000 + next++)))))) * 50;
  await items.deleteMany({ n: { $gte: 1_000_000 } });
  const start = performance.now();
  for (let n = 0; n < total; n += 1_000) await items.insertMany(Array.from({ length: 1_000 }, (_, i) => make(n + i)));
  const bulk = (total * 1000) / (performance.now() - start);
  let at = 0;
  const get = await rate(2, () => items.findById(`id-${at++ % total}`).lean());
  const indexed = await rate(2, () =>
    items
      .find({ name: `name ${at++ % 1_000}` })
      .sort({ name: 1, _id: 1 })
      .limit(20)
      .lean(),
  );
  const scanStart = performance.now();
  await items.find({ text: 'y' }).lean();
  const scan = (total * 1000) / (performance.now() - scanStart);
  await database.close();
  rmSync(folder, { recursive: true });
  printTable(
    'Embedded database',
    ['operation', 'per second'],
    [
      ['insert, one after another', single],
      ['insert, 50 callers', parallel],
      ['bulk insert (documents)', bulk],
      ['get by id', get],
      ['indexed query of 20', indexed],
      ['scan (documents)', scan],
    ],
  );
}
