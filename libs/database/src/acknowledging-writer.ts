// For embedded.test.ts: inserts until it is killed and prints every id once it is acknowledged.
import { Schema } from 'mongoose';
import { openDatabase } from './database.ts';

const database = await openDatabase(process.argv[2]!);
const items = database.model(
  'items',
  new Schema<{ _id: string; n: number }>({ _id: String, n: Number }, { versionKey: false }),
);
await database.ready();
for (let n = 0; ; n += 10) {
  const batch = Array.from({ length: 10 }, (_, i) => `${n + i}`);
  await Promise.all(
    batch.map(async (id) => {
      await items.create({ _id: id, n });
      process.stdout.write(`${id}\n`);
    }),
  );
}
