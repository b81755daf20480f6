import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Schema } from 'mongoose';
import { afterAll, describe, expect, test } from 'vitest';
import { openDatabase } from './database.ts';
import { describeEngine } from './engine.conformance.ts';

const folder = mkdtempSync(join(tmpdir(), 'certferry-database-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeEngine('embedded', { open: () => openDatabase(`embedded:${join(folder, 'conformance')}`), explains: true });

describe('what only the embedded database has to show', () => {
  const schema = new Schema<{ _id: string; n: number }>({ _id: String, n: Number }, { versionKey: false });

  test('a second process, or a second opening, is refused', async () => {
    const url = `embedded:${join(folder, 'twice')}`;
    const database = await openDatabase(url);
    await expect(openDatabase(url)).rejects.toMatchObject({ reason: 'DATABASE_IN_USE' });
    await database.close();
    await (await openDatabase(url)).close();
  });

  test.each<[string, object]>([
    ['$where', { $where: 'true' }],
    ['$text', { $text: { $search: 'x' } }],
    ['$near', { n: { $near: [0, 0] } }],
  ])('%s is refused by name', async (operator, filter) => {
    const database = await openDatabase(`embedded:${join(folder, `refused${operator}`)}`);
    const items = database.model('items', schema);
    expect(() => items.collection.find(filter)).toThrow(`query operator ${operator}`);
    await database.close();
  });

  test('pipelines, sessions, TTL and partial indexes, and change streams are refused by name', async () => {
    const database = await openDatabase(`embedded:${join(folder, 'refusals')}`);
    const { collection } = database.model('items', schema);
    await database.ready();
    await expect(collection.updateOne({}, [{ $set: { n: 1 } }])).rejects.toThrow('update by pipeline');
    await expect(collection.updateOne({}, { $bit: { n: { and: 1 } } })).rejects.toThrow('update operator $bit');
    await expect(collection.insertOne({ _id: 'x' as never }, { session: {} as never })).rejects.toThrow(
      'option session',
    );
    await expect(collection.createIndex({ n: 1 }, { expireAfterSeconds: 1 })).rejects.toThrow('expireAfterSeconds');
    await expect(collection.createIndex({ n: 1 }, { partialFilterExpression: {} })).rejects.toThrow(
      'partialFilterExpression',
    );
    await expect(collection.aggregate([{ $lookup: {} }]).toArray()).rejects.toThrow('$lookup');
    expect(() => collection.watch()).toThrow('change streams');
    await database.close();
  });

  test('an index that is declared later is filled from what is there', async () => {
    const url = `embedded:${join(folder, 'later')}`;
    const first = await openDatabase(url);
    await first.model('items', schema).create({ _id: 'a', n: 5 }, { _id: 'b', n: 6 });
    await first.close();
    const second = await openDatabase(url);
    const items = second.model(
      'items',
      new Schema<{ _id: string; n: number }>({ _id: String, n: { type: Number, index: true } }, { versionKey: false }),
    );
    await second.ready();
    expect(JSON.stringify(await items.find({ n: 6 }).explain())).toContain('n_1');
    expect((await items.find({ n: 6 }).lean()).map((one) => one._id)).toEqual(['b']);
    await second.close();
  });

  test('kill -9 loses nothing that was acknowledged', async () => {
    const url = `embedded:${join(folder, 'killed')}`;
    const child = spawn(process.execPath, [join(import.meta.dirname, 'acknowledging-writer.ts'), url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const acknowledged: string[] = [];
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      acknowledged.push(line);
      if (acknowledged.length === 300) child.kill('SIGKILL');
    });
    await new Promise((resolve) => lines.on('close', resolve));
    const database = await openDatabase(url);
    const kept = new Set((await database.model('items', schema).find().lean()).map((one) => one._id));
    expect(acknowledged.length).toBeGreaterThanOrEqual(300);
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
    await database.close();
  });
});
