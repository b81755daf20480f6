import { Schema, type Model } from 'mongoose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isDuplicateKey, type Database } from './database.ts';

interface Item {
  _id: string;
  name: string;
  size?: number;
  day?: Date;
  code?: string;
  tags?: string[];
  parts?: { id: string; n: number }[];
  bytes?: Buffer;
  labels?: Map<string, string>;
  nothing?: null;
  flag?: boolean;
}

const schema = new Schema<Item>(
  {
    _id: { type: String, required: true },
    name: { type: String, required: true },
    size: Number,
    day: Date,
    code: String,
    tags: { type: [String], default: undefined },
    parts: { type: [new Schema({ id: String, n: Number }, { _id: false })], default: undefined },
    bytes: Buffer,
    labels: { type: Map, of: String },
    flag: Boolean,
  },
  { versionKey: false },
);
schema.index({ name: 1, _id: 1 });
schema.index({ code: 1 }, { unique: true, sparse: true });
schema.index({ size: -1 });
schema.index({ tags: 1 });
schema.index({ flag: 1, day: 1 });

/** The semantics that our services use. Every engine must pass; `explains` where the engine has explain. */
export function describeEngine(
  engine: string,
  { open, explains }: { open: () => Promise<Database>; explains: boolean },
): void {
  describe(engine, () => {
    let database: Database;
    let items: Model<Item>;

    beforeAll(async () => {
      database = await open();
      items = database.model('conformance_items', schema);
      await database.ready();
    });
    beforeEach(async () => void (await items.deleteMany({})));
    afterAll(async () => {
      await items.deleteMany({});
      await database.close();
    });

    const add = (...list: Partial<Item>[]) =>
      items.insertMany(list.map((one, i) => ({ _id: `id${i}`, name: `n${i}`, ...one })));
    const ids = async (filter: object, sort: Record<string, 1 | -1> = { _id: 1 }) =>
      (await items.find(filter).sort(sort).lean()).map((one) => one._id);

    describe('documents', () => {
      test('come back as they went in, every type', async () => {
        const item = {
          _id: 'a',
          name: 'é\u0000x',
          size: 1.5,
          day: new Date('2026-01-02T03:04:05.678Z'),
          tags: ['x', 'y'],
          parts: [{ id: 'p', n: 1 }],
          bytes: Buffer.from([0, 1, 255]),
          labels: new Map([['k', 'v']]),
          flag: false,
        };
        await items.create(item);
        const found = (await items.findById('a'))!;
        const { bytes, ...rest } = found.toObject();
        const { bytes: expected, ...others } = item;
        expect(rest).toEqual(others);
        expect(Buffer.from(found.bytes!)).toEqual(expected);
        expect(bytes).toBeDefined();
        expect(await items.findById('b')).toBeNull();
      });

      test('are counted, told to exist and deleted', async () => {
        await add({}, {}, {});
        expect(await items.countDocuments({})).toBe(3);
        expect(await items.estimatedDocumentCount()).toBe(3);
        expect(await items.exists({ name: 'n1' })).toBeTruthy();
        expect((await items.deleteOne({ _id: 'id0' })).deletedCount).toBe(1);
        expect((await items.deleteMany({ name: { $in: ['n1', 'n2', 'n9'] } })).deletedCount).toBe(2);
        expect(await items.exists({})).toBeNull();
      });

      test('keep out fields that the schema does not select', async () => {
        await add({ bytes: Buffer.from('x'), size: 1 });
        expect(await items.findById('id0').select('-bytes').lean()).toEqual({ _id: 'id0', name: 'n0', size: 1 });
        expect(await items.findById('id0').select('size').lean()).toEqual({ _id: 'id0', size: 1 });
      });
    });

    describe('filters', () => {
      test('compare within a type', async () => {
        await add({ size: 1 }, { size: 5 }, { size: 10 }, {});
        expect(await ids({ size: { $gt: 1, $lte: 10 } })).toEqual(['id1', 'id2']);
        expect(await ids({ size: { $gte: 5 } })).toEqual(['id1', 'id2']);
        expect(await ids({ size: { $lt: 5 } })).toEqual(['id0']);
        expect(await ids({ size: { $ne: 5 } })).toEqual(['id0', 'id2', 'id3']);
        expect(await ids({ size: { $nin: [1, 5] } })).toEqual(['id2', 'id3']);
        expect(await ids({ size: null })).toEqual(['id3']);
        expect(await ids({ size: { $exists: false } })).toEqual(['id3']);
        expect(await ids({ name: { $gte: 'n1', $lt: 'n3' } })).toEqual(['id1', 'id2']);
      });

      test('compare dates', async () => {
        await add({ day: new Date('2026-01-01') }, { day: new Date('2026-06-01') }, {});
        expect(await ids({ day: { $lte: new Date('2026-03-01') } })).toEqual(['id0']);
        expect(await ids({ day: new Date('2026-06-01') })).toEqual(['id1']);
      });

      test('combine with $and, $or, $nor and $not', async () => {
        await add({ size: 1, flag: true }, { size: 2, flag: true }, { size: 3 });
        expect(await ids({ $or: [{ size: 1 }, { size: 3 }] })).toEqual(['id0', 'id2']);
        expect(await ids({ $and: [{ flag: true }, { size: { $gt: 1 } }] })).toEqual(['id1']);
        expect(await ids({ $nor: [{ size: 1 }, { flag: true }] })).toEqual(['id2']);
        expect(await ids({ size: { $not: { $gt: 1 } } })).toEqual(['id0']);
      });

      test('look into arrays and subdocuments', async () => {
        await add(
          {
            tags: ['a', 'b'],
            parts: [
              { id: 'x', n: 1 },
              { id: 'y', n: 5 },
            ],
          },
          { tags: ['b'], parts: [{ id: 'x', n: 5 }] },
          { tags: [] },
        );
        expect(await ids({ tags: 'b' })).toEqual(['id0', 'id1']);
        expect(await ids({ tags: { $all: ['a', 'b'] } })).toEqual(['id0']);
        expect(await ids({ tags: { $size: 0 } })).toEqual(['id2']);
        expect(await ids({ 'parts.id': 'y' })).toEqual(['id0']);
        expect(await ids({ parts: { $elemMatch: { id: 'x', n: { $gt: 1 } } } })).toEqual(['id1']);
        expect(await ids({ 'parts.0': { $exists: true } })).toEqual(['id0', 'id1']);
      });

      // The stand-in applies both bounds to one element.
      test.runIf(explains)('let different elements of an array meet a lower and an upper bound', async () => {
        await items.collection.insertOne({ _id: 'm' as never, name: 'm', size: [1, 10] });
        expect((await items.collection.find({ size: { $gt: 5, $lt: 6 } }).toArray()).map((one) => one._id)).toEqual([
          'm',
        ]);
      });

      test('match regular expressions, anchored or not', async () => {
        await add({ name: 'web1.example.com' }, { name: 'WEB2' }, { name: 'a.b' });
        expect(await ids({ name: /^web/ })).toEqual(['id0']);
        expect(await ids({ name: { $regex: 'web', $options: 'i' } })).toEqual(['id0', 'id1']);
        expect(await ids({ name: /^a\.b$/ })).toEqual(['id2']);
        expect(await ids({ name: /^we?b/ })).toEqual(['id0']);
      });
    });

    describe('order', () => {
      test('of one field, both ways, with and without an index, skip and limit', async () => {
        await add({ size: 3 }, { size: 1 }, { size: 2 });
        expect(await ids({}, { size: 1 })).toEqual(['id1', 'id2', 'id0']);
        expect(await ids({}, { size: -1 })).toEqual(['id0', 'id2', 'id1']);
        expect((await items.find().sort({ name: -1, _id: 1 }).skip(1).limit(1).lean()).map((one) => one._id)).toEqual([
          'id1',
        ]);
        expect((await items.findOne().sort({ size: 1 }).lean())!._id).toBe('id1');
      });

      test('of a page after a cursor', async () => {
        await add({ name: 'a' }, { name: 'b' }, { name: 'b' }, { name: 'c' });
        const after = { $and: [{ name: { $gte: 'b' } }, { $or: [{ name: { $gt: 'b' } }, { _id: { $gt: 'id1' } }] }] };
        expect(await ids(after, { name: 1, _id: 1 })).toEqual(['id2', 'id3']);
        const before = { $and: [{ name: { $lte: 'b' } }, { $or: [{ name: { $lt: 'b' } }, { _id: { $lt: 'id2' } }] }] };
        expect(await ids(before, { name: -1, _id: -1 })).toEqual(['id1', 'id0']);
      });
    });

    describe('updates', () => {
      test('by operator say what they matched and changed', async () => {
        await add({ size: 1, tags: ['a'] });
        const result = await items.updateOne({ _id: 'id0' }, {
          $set: { name: 'new' },
          $inc: { size: 2 },
          $push: { tags: 'b' },
          $unset: { flag: 1 },
        } as never);
        expect(result).toMatchObject({ matchedCount: 1, modifiedCount: 1, upsertedCount: 0 });
        expect(await items.findById('id0').lean()).toEqual({ _id: 'id0', name: 'new', size: 3, tags: ['a', 'b'] });
        expect(await items.updateOne({ _id: 'id0' }, { $set: { name: 'new' } })).toMatchObject({
          matchedCount: 1,
          modifiedCount: 0,
        });
        expect(await items.updateOne({ _id: 'id9' }, { $set: { name: 'x' } })).toMatchObject({
          matchedCount: 0,
          modifiedCount: 0,
        });
      });

      test('of arrays: $push with $each and $slice, $pull, $addToSet, positional', async () => {
        await add({
          tags: ['a'],
          parts: [
            { id: 'x', n: 1 },
            { id: 'y', n: 2 },
          ],
        });
        await items.updateOne({ _id: 'id0' }, { $push: { tags: { $each: ['b', 'c'], $slice: -2 } } });
        await items.updateOne({ _id: 'id0' }, { $addToSet: { tags: 'c' } });
        await items.updateOne({ _id: 'id0', 'parts.id': 'y' }, { $set: { 'parts.$.n': 9 } });
        await items.updateOne({ _id: 'id0' }, { $pull: { parts: { id: { $in: ['x'] } } } });
        expect(await items.findById('id0').lean()).toMatchObject({ tags: ['b', 'c'], parts: [{ id: 'y', n: 9 }] });
      });

      test('in one step: findOneAndUpdate answers before or after, and only one caller wins a condition', async () => {
        await add({ size: 0 });
        const before = await items.findOneAndUpdate({ _id: 'id0' }, { $inc: { size: 1 } }).lean();
        const after = await items
          .findOneAndUpdate({ _id: 'id0' }, { $inc: { size: 1 } }, { returnDocument: 'after' })
          .lean();
        expect([before!.size, after!.size]).toEqual([0, 2]);
        const winners = await Promise.all(
          Array.from({ length: 20 }, () => items.findOneAndUpdate({ _id: 'id0', size: 2 }, { $set: { size: 3 } })),
        );
        expect(winners.filter(Boolean).length).toBe(1);
        await Promise.all(
          Array.from({ length: 50 }, () => items.findOneAndUpdate({ _id: 'id0' }, { $inc: { size: 1 } })),
        );
        expect((await items.findById('id0').lean())!.size).toBe(53);
        expect(await items.findOneAndUpdate({ _id: 'no' }, { $set: { size: 1 } })).toBeNull();
        expect((await items.findOneAndDelete({ _id: 'id0' }).lean())!._id).toBe('id0');
      });

      test('upsert with $setOnInsert', async () => {
        const upsert = () =>
          items.updateOne({ _id: 'u' }, { $inc: { size: 1 }, $setOnInsert: { name: 'made' } }, { upsert: true });
        expect(await upsert()).toMatchObject({ upsertedCount: 1, matchedCount: 0 });
        expect(await upsert()).toMatchObject({ upsertedCount: 0, matchedCount: 1 });
        expect(await items.findById('u').lean()).toEqual({ _id: 'u', name: 'made', size: 2 });
        expect(
          (await items
            .findOneAndUpdate({ _id: 'v' }, { $set: { name: 'v' } }, { upsert: true, returnDocument: 'after' })
            .lean())!.name,
        ).toBe('v');
      });

      test('replace a document, and many in one batch', async () => {
        await add({ size: 1, tags: ['a'] }, {});
        await items.replaceOne({ _id: 'id0' }, { name: 'r' });
        expect(await items.findById('id0').lean()).toEqual({ _id: 'id0', name: 'r' });
        const result = await items.bulkWrite([
          { updateOne: { filter: { _id: 'id0' }, update: { $set: { size: 7 } } as never } },
          { deleteOne: { filter: { _id: 'id1' } } },
          { insertOne: { document: { _id: 'id2', name: 'x' } as never } },
        ]);
        expect(result).toMatchObject({ matchedCount: 1, deletedCount: 1, insertedCount: 1 });
        expect(await ids({})).toEqual(['id0', 'id2']);
      });
    });

    describe('unique indexes', () => {
      test('hold on insert, update and in parallel', async () => {
        await add({ code: 'a' }, { code: 'b' }, {}, {});
        const refused = async (write: Promise<unknown>) =>
          isDuplicateKey(
            await write.then(
              () => undefined,
              (error: unknown) => error,
            ),
          );
        expect(await refused(items.create({ _id: 'x', name: 'x', code: 'a' }))).toBe(true);
        expect(await refused(items.create({ _id: 'id0', name: 'x' }))).toBe(true);
        expect(await refused(items.updateOne({ _id: 'id1' }, { $set: { code: 'a' } }))).toBe(true);
        const race = await Promise.allSettled(
          Array.from({ length: 10 }, (_, i) => items.create({ _id: `r${i}`, name: 'r', code: 'race' })),
        );
        expect(race.filter((one) => one.status === 'fulfilled').length).toBe(1);
      });

      test('free a value when its document goes or changes', async () => {
        await add({ code: 'a' });
        await items.updateOne({ _id: 'id0' }, { $set: { code: 'b' } });
        await items.create({ _id: 'x', name: 'x', code: 'a' });
        await items.deleteOne({ _id: 'x' });
        await items.updateOne({ _id: 'id0' }, { $set: { code: 'a' } });
        expect(await ids({ code: 'a' })).toEqual(['id0']);
      });

      test('an unordered batch inserts all but the duplicates', async () => {
        await add({ code: 'a' });
        const batch = ['a', 'b', 'c'].map((code) => ({ _id: `b-${code}`, name: code, code }));
        const error = (await items.insertMany(batch, { ordered: false }).then(
          () => undefined,
          (reason: unknown) => reason,
        )) as { writeErrors: { err?: { index: number }; index?: number }[] };
        expect(isDuplicateKey(error)).toBe(true);
        expect(error.writeErrors.length).toBe(1);
        expect(await ids({ code: { $in: ['b', 'c'] } })).toEqual(['b-b', 'b-c']);
      });
    });

    describe('aggregation', () => {
      test('counts by group', async () => {
        await add({ flag: true, size: 1 }, { flag: true, size: 2 }, { flag: false, size: 5 });
        const groups = await items.aggregate([
          { $match: { size: { $gt: 0 } } },
          { $group: { _id: '$flag', n: { $sum: 1 } } },
          { $sort: { _id: 1 } },
        ]);
        expect(groups).toEqual([
          { _id: false, n: 1 },
          { _id: true, n: 2 },
        ]);
      });
    });

    test('the clock of the database is near ours', async () => {
      expect(Math.abs((await database.now()).getTime() - Date.now())).toBeLessThan(60_000);
      await database.ping();
    });

    describe.runIf(explains)('declared indexes are used', () => {
      const winning = async (filter: object, sort?: Record<string, 1 | -1>) => {
        const query = items.find(filter);
        if (sort) query.sort(sort);
        const result = (await query.explain()) as unknown as { queryPlanner: { winningPlan: unknown } };
        return JSON.stringify(result.queryPlanner.winningPlan);
      };
      test.each<[string, object, Record<string, 1 | -1> | undefined, string]>([
        ['equality', { code: 'a' }, undefined, 'code_1'],
        ['anchored expression', { name: /^web/ }, undefined, 'name_1__id_1'],
        ['range', { name: { $gt: 'a' } }, undefined, 'name_1__id_1'],
        ['order', {}, { name: 1, _id: 1 }, 'name_1__id_1'],
        ['order backward', {}, { name: -1, _id: -1 }, 'name_1__id_1'],
        ['equality, then range', { flag: true, day: { $lte: new Date() } }, { day: 1 }, 'flag_1_day_1'],
        ['array element', { tags: 'x' }, undefined, 'tags_1'],
      ])('%s', async (_, filter, sort, index) => {
        await add({}, {});
        const plan = await winning(filter, sort);
        expect(plan).toContain(`"indexName":"${index}"`);
        expect(plan).not.toContain('"SORT"');
        expect(plan).not.toContain('COLLSCAN');
      });
    });
  });
}
