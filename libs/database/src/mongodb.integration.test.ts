import { randomUUID } from 'node:crypto';
import { databaseUrl, useMongoDb } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { openDatabase } from './database.ts';
import { describeEngine } from './engine.conformance.ts';

const server = await useMongoDb();

describe.skipIf(!server)(`against ${server?.engine ?? 'no MongoDB'}`, () => {
  const url = server ? databaseUrl(server, `certferry-${randomUUID()}`) : '';
  describeEngine(server?.engine ?? '', { open: () => openDatabase(url), explains: server?.explains ?? false });

  test('a URL cannot weaken the write concern', async () => {
    const database = await openDatabase(`${url}${url.includes('?') ? '&' : '?'}w=1&journal=false`);
    expect(database.connection.getClient().options.writeConcern).toMatchObject({ w: 'majority', journal: true });
    await database.close();
  });
});

test('a server that does not answer, and another kind of URL, are said clearly', async () => {
  await expect(openDatabase('mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=200')).rejects.toMatchObject({
    reason: 'DATABASE_UNAVAILABLE',
  });
  await expect(openDatabase('postgres://x')).rejects.toMatchObject({ reason: 'INVALID_DATABASE_URL' });
});
