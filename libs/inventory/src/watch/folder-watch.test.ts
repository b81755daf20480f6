import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parserV1 } from '@certferry/contracts';
import { Numbers, openDatabase, type Database } from '@certferry/database';
import { serve } from '@certferry/rpc';
import { hostServices, type TestHost } from '@certferry/rpc/testing';
import { createLogger } from '@certferry/runtime';
import { createSecretKeeper } from '@certferry/secrets';
import { makeCertificate, temporaryFolder } from '@certferry/testing';
import { ResourceLeases } from '@certferry/work';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { EnrollmentProfiles } from '../enrollment-profiles/enrollment-profiles.ts';
import { Contents } from '../imports/contents.ts';
import { ImportItems } from '../imports/import-items.ts';
import { Imports } from '../imports/imports.ts';
import { createPemParser } from '../testing/pem-parser.ts';
import { FolderWatch, type WatchContext } from './folder-watch.ts';
import { WatchedFiles } from './watched-files.ts';

let database: Database;
let host: TestHost;
beforeAll(async () => {
  database = await openDatabase(`embedded:${temporaryFolder('watch')}`);
  host = await hostServices('in process', [serve(parserV1.ParserServiceDefinition, createPemParser())]);
});
afterAll(async () => {
  await host.close();
  await database.close();
});

/** What a process of its own has, on one database. */
function ofProcess(): WatchContext {
  const secrets = createSecretKeeper(Buffer.alloc(32, 7));
  return {
    contents: new Contents(database, secrets),
    imports: new Imports(database),
    importItems: new ImportItems(database),
    profiles: new EnrollmentProfiles(database),
    watchedFiles: new WatchedFiles(database),
    leases: new ResourceLeases(database, 'watch_leases'),
    bulkNumbers: new Numbers(database, 'bulk_imports'),
    parser: host.client(parserV1.ParserServiceDefinition),
    clock: { now: () => new Date() },
    logger: createLogger('silent'),
    started: () => undefined,
    secrets,
    database,
  };
}

test('of two processes that watch one folder each file is imported by one, once', async () => {
  const folder = temporaryFolder('watched');
  const config = { folder, quietSeconds: 0, pollSeconds: 0.1 };
  const watches = [new FolderWatch(ofProcess(), config), new FolderWatch(ofProcess(), config)];
  const contexts = ofProcess();
  await database.ready();
  for (const watch of watches) watch.start();
  const names = Array.from({ length: 8 }, (_, i) => `${i}-${randomBytes(4).toString('hex')}.pem`);
  try {
    for (const name of names) {
      writeFileSync(join(folder, name), (await makeCertificate({ commonName: name })).pem);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    const imported = async () =>
      (await contexts.imports.list([], { limit: 100 })).items.map(({ fileName }) => fileName);
    await vi.waitFor(async () => expect((await imported()).toSorted()).toEqual(names.toSorted()), { timeout: 15_000 });
    // A few rounds more of both.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await imported()).toHaveLength(names.length);
  } finally {
    for (const watch of watches) await watch.stop();
  }
});
