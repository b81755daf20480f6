import { randomBytes } from 'node:crypto';
import { openDatabase, type Database } from '@certferry/database';
import { createSecretKeeper } from '@certferry/secrets';
import { temporaryFolder } from '@certferry/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { toBulkImport } from '../bulk-imports/mapping.ts';
import { Contents } from './contents.ts';
import { ImportItems } from './import-items.ts';
import { Imports } from './imports.ts';
import { migrateImports } from './migrate-imports.ts';

interface Stored {
  _id: string;
  [field: string]: unknown;
}

let database: Database;
beforeEach(async () => void (database = await openDatabase(`embedded:${temporaryFolder('migrate')}`)));
afterEach(() => database.close());

const at = new Date('2026-05-01T00:00:00Z');
const old = {
  number: 7,
  profileId: 'IOT_1',
  profileName: 'Factory',
  fileName: 'devices.zip',
  format: 'pem',
  size: 1_000,
  address: '192.0.2.1',
  caller: 'key-1',
  requestId: 'r-1',
  total: 10,
  generation: 3,
  createdAt: at,
};
const bad = { index: 2, file: 'bad.pem', reason: 'MALFORMED', message: 'It is malformed.' };
const broken = { index: 4, file: '', reason: 'TRUNCATED', message: 'It ends early.' };

test('bulk imports as they were stored before are answered as before, and those that had not ended go on', async () => {
  const documents: Stored[] = [
    { ...old, _id: 'a', status: 'completed', processed: 10, failed: 1, failures: [bad], completedAt: at },
    { ...old, _id: 'b', status: 'failed', processed: 4, failed: 7, failures: [bad, broken], completedAt: at },
    {
      ...old,
      _id: 'c',
      status: 'pending',
      processed: 4,
      failed: 1,
      failures: [bad],
      dueAt: at,
      outbox: true,
      pendingEvents: [{ id: 'e' }],
    },
    { ...old, _id: 'd', status: 'completed', processed: 10, failed: 10, failures: [bad], completedAt: at },
  ];
  await database.connection.collection<Stored>('bulk_imports').insertMany(documents);
  const direct = {
    status: 'completed',
    items: [
      { index: 0, result: 'created' },
      { index: 1, result: 'failed' },
    ],
    notices: [],
    createdAt: at,
  };
  await database.connection.collection<Stored>('imports').insertOne({ _id: 'x', ...direct });
  await database.connection
    .collection<Stored>('bulk_import_chunks')
    .insertOne({ _id: 'c:000000', importId: 'c', content: Buffer.from('old'), createdAt: at });
  const [imports, importItems] = [new Imports(database), new ImportItems(database)];
  await database.ready();
  await migrateImports(database, { imports, importItems });
  await migrateImports(database, { imports, importItems });
  expect(await database.connection.collection('bulk_imports').countDocuments()).toBe(0);
  for (const {
    _id,
    pendingEvents: _,
    outbox: __,
    dueAt: ___,
    processed,
    generation: ____,
    caller,
    ...same
  } of documents) {
    const job = await imports.getBulk(_id);
    const answered = toBulkImport(job, await importItems.failures(_id, 10));
    expect(answered, _id).toMatchObject({ ...same, id: _id, processed, requestedBy: caller });
  }
  expect(await imports.due({ now: new Date(), excluding: [], limit: 10 })).toEqual(['c']);
  expect(await imports.find('c')).toMatchObject({
    status: 'queued',
    done: 4,
    outbox: true,
    pendingEvents: [{ id: 'e' }],
  });
  expect(await imports.find('x')).toMatchObject({ total: 2, done: 2, created: 1, failed: 1 });
  // A content from before contents were sealed.
  const pieces: string[] = [];
  for await (const piece of new Contents(database, createSecretKeeper(randomBytes(32))).read('c'))
    pieces.push(piece.toString());
  expect(pieces).toEqual(['old']);
});
