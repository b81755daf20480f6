import { randomBytes } from 'node:crypto';
import { AppError, newId } from '@certferry/core';
import { deploymentV1, parserV1 } from '@certferry/contracts';
import { Numbers, openDatabase, type Database } from '@certferry/database';
import type { Event } from '@certferry/events';
import { serve } from '@certferry/rpc';
import { hostServices, type TestHost } from '@certferry/rpc/testing';
import { createLogger } from '@certferry/runtime';
import { createSecretKeeper } from '@certferry/secrets';
import { makeCertificate, temporaryFolder } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Certificates } from '../certificates/certificates.ts';
import { EnrollmentProfiles } from '../enrollment-profiles/enrollment-profiles.ts';
import { MetadataFields } from '../metadata-fields/metadata-fields.ts';
import { ARCHIVE_BATCH, archiveOf, createPemParser, type ArchiveFile } from '../testing/pem-parser.ts';
import { Contents } from './contents.ts';
import { ImportItems } from './import-items.ts';
import type { ImportJob } from './import-job.ts';
import { ImportWorker, type ImportWorkerContext } from './import-worker.ts';
import { Imports } from './imports.ts';
import { startImport, type StartContext } from './start-import.ts';

// Workers at the moments that a running system meets too seldom to wait for. Everything is real but the clock of the
// database, which the test moves, and what happens between a batch of the parser and the next.

const FILES = 4 * ARCHIVE_BATCH;

describe('an import worker', () => {
  let database: Database;
  let host: TestHost;
  let context: ImportWorkerContext & StartContext;
  let profileId: string;
  /** Milliseconds that the database's clock is ahead. */
  let ahead: number;
  /** What the parser does before its next batches; what is undefined lets one pass. */
  let beforeBatch: (((signal: AbortSignal) => Promise<void>) | undefined)[];
  /** From which item each reading of an archive began. */
  let readings: number[];
  let warnings: unknown[];
  let workers: ImportWorker[];

  beforeEach(async () => {
    [ahead, beforeBatch, readings, warnings, workers] = [0, [], [], [], []];
    database = await openDatabase(`embedded:${temporaryFolder('bulk')}`);
    const parser = createPemParser();
    const parseArchive = async function* (
      requests: AsyncIterable<parserV1.ParseArchiveRequest>,
      call: Parameters<parserV1.ParserServiceImplementation['parseArchive']>[1],
    ) {
      for await (const answer of parser.parseArchive(watched(requests), call)) {
        if (answer.part?.$case === 'batch') await beforeBatch.shift()?.(call.signal);
        yield answer;
      }
    };
    const watched = async function* (requests: AsyncIterable<parserV1.ParseArchiveRequest>) {
      for await (const request of requests) {
        if (request.part?.$case === 'options' && !request.part.value.summaryOnly)
          readings.push(request.part.value.skipItems);
        yield request;
      }
    };
    host = await hostServices('in process', [
      serve(parserV1.ParserServiceDefinition, { ...parser, parseArchive }),
      serve(deploymentV1.DeploymentServiceDefinition, {
        createDeployment: () => Promise.resolve({ jobs: [] }),
        planDeployment: () => Promise.resolve({ plan: [] }),
      }),
    ]);
    const clock = { now: () => new Date() };
    const certificates = new Certificates(database);
    const secrets = createSecretKeeper(randomBytes(32));
    const importing = {
      certificates,
      numbers: new Numbers(database, 'certificates'),
      secrets,
      clock,
    };
    const logger = createLogger('silent');
    logger.warn = (...of: unknown[]) => void warnings.push(of[0]);
    context = {
      contents: new Contents(database, secrets),
      imports: new Imports(database),
      importItems: new ImportItems(database),
      secrets,
      profiles: new EnrollmentProfiles(database),
      metadataFields: new MetadataFields(database),
      bulkNumbers: new Numbers(database, 'bulk_imports'),
      parser: host.client(parserV1.ParserServiceDefinition),
      deployment: host.client(deploymentV1.DeploymentServiceDefinition),
      importing,
      clock,
      logger,
      saved: () => undefined,
      started: () => undefined,
      database: {
        ...database,
        exclusive: false,
        now: async () => new Date((await database.now()).getTime() + ahead),
      },
    };
    await database.ready();
    profileId = newId();
    const draft = { name: 'p', format: 'pem' as const, fieldMappings: [], targetStoreIds: [] };
    await context.profiles.insert({ _id: profileId, ...draft, createdAt: new Date() });
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await host.close();
    await database.close();
  });

  const work = async (options?: ConstructorParameters<typeof ImportWorker>[1]): Promise<ImportWorker> => {
    const worker = new ImportWorker(context, options);
    workers.push(worker);
    await worker.start();
    return worker;
  };
  const queue = async (): Promise<ImportJob> => {
    const files: ArchiveFile[] = [];
    for (let i = 0; i < FILES - 1; i++)
      files.push([`${i}.pem`, (await makeCertificate({ commonName: `device-${i}` })).pem]);
    files.splice(1, 0, ['bad.pem', 'rubbish']);
    return await queueFiles(files);
  };
  const queueFiles = async (files: ArchiveFile[]): Promise<ImportJob> => {
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield archiveOf(files);
    };
    const profile = (await context.profiles.find(profileId))!;
    const asked = { firstOfPem: false, createOnly: false, formats: [], filePath: '', requestedBy: 'k', requestId: 'r' };
    const draft = () => ({ request: asked, fileName: 'a.zip', address: '' });
    return await startImport(context, chunks(), { profile, draft });
  };
  const until = (id: string, wanted: (one: ImportJob) => boolean) =>
    vi.waitFor(
      async () => {
        const one = await context.imports.getJob(id);
        if (!wanted(one)) throw new Error(`it is ${JSON.stringify(one)}`);
        return one;
      },
      { timeout: 10_000, interval: 20 },
    );
  const certificates = () => database.connection.collection('certificates').countDocuments();
  /** An archive goes right after its import has ended. */
  const archivesAreGone = () =>
    vi.waitFor(async () => expect(await database.connection.collection('bulk_import_chunks').countDocuments()).toBe(0));
  const eventsOf = async (id: string) => {
    const stored = await database.connection.collection<{ _id: string; pendingEvents: Event[] }>('imports');
    return (await stored.findOne({ _id: id }))!.pendingEvents.map(({ type }) => type.split('.').at(-1));
  };
  const complete = { status: 'partial', total: FILES, done: FILES, created: FILES - 1, failed: 1 };
  const failures = async (id: string) =>
    (await context.importItems.failures(id, 10)).map(({ index, file, reason }) => [index, file, reason]);
  const ended = ({ completedAt }: ImportJob) => completedAt !== undefined;
  /** A pause that the test ends. */
  const pause = () => {
    let resume = (): void => undefined;
    const paused = new Promise<void>((resolve) => (resume = resolve));
    return { paused, resume };
  };

  test('that was paused past its lease counts nothing; the one that took over goes on where it was', async () => {
    const { paused, resume } = pause();
    beforeBatch = [undefined, () => paused];
    const one = await queue();
    const first = await work();
    await until(one._id, ({ done }) => done === ARCHIVE_BATCH);
    const other = await work();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await context.imports.find(one._id)).toMatchObject({ generation: 1 });
    ahead += 31_000;
    other.kick();
    const done = await until(one._id, ended);
    expect(done).toMatchObject({ ...complete, generation: 2 });
    expect(readings).toEqual([0, ARCHIVE_BATCH]);
    resume();
    // It would import the batch that it has, and count it, before it looks at the next.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await first.stop();
    expect(await context.imports.find(one._id)).toEqual(done);
    expect(await certificates()).toBe(FILES - 1);
    expect(await failures(one._id)).toEqual([[1, 'bad.pem', 'UNKNOWN_FORMAT']]);
    await archivesAreGone();
    expect(await eventsOf(one._id)).toEqual(['pending', 'completed']);
    expect(warnings).toEqual([]);
    // A heartbeat that was under way while the import ended.
    expect(await context.imports.leaseUntil(done, new Date())).toBe(false);
  });

  test('whose lease is taken away while it reads stops reading', async () => {
    let stopped: AbortSignal | undefined;
    beforeBatch = [
      undefined,
      (signal) => {
        stopped = signal;
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    ];
    const one = await queue();
    await work({ leaseMs: 2_000, heartbeatMs: 50 });
    await until(one._id, ({ done }) => done === ARCHIVE_BATCH);
    await vi.waitFor(() => expect(stopped).toBeDefined());
    expect(stopped!.aborted).toBe(false);
    const stolen = { generation: 7, dueAt: new Date(Date.now() + 60_000) };
    await database.connection.collection<{ _id: string }>('imports').updateOne({ _id: one._id }, { $set: stolen });
    await vi.waitFor(() => expect(stopped!.aborted).toBe(true));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await context.imports.find(one._id)).toMatchObject({
      status: 'running',
      done: ARCHIVE_BATCH,
      ...stolen,
    });
    expect(warnings).toEqual([]);
  });

  test('keeps its lease by a heartbeat for as long as it works', async () => {
    const { paused, resume } = pause();
    beforeBatch = [() => paused];
    const one = await queue();
    await work({ leaseMs: 600, heartbeatMs: 50 });
    await until(one._id, ({ generation }) => generation === 1);
    const other = await work({ leaseMs: 600, heartbeatMs: 50 });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    other.kick();
    resume();
    expect(await until(one._id, ended)).toMatchObject({ ...complete, generation: 1 });
  });

  test('that is stopped gives its import back at once', async () => {
    beforeBatch = [undefined, (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve()))];
    const one = await queue();
    const first = await work();
    await until(one._id, ({ done }) => done === ARCHIVE_BATCH);
    await first.stop();
    await work();
    expect(await until(one._id, ended)).toMatchObject({ ...complete, generation: 2 });
    expect(readings).toEqual([0, ARCHIVE_BATCH]);
    expect(warnings).toEqual([]);
  });

  test('leaves an import to its lease when the parser is away, and goes on where it was', async () => {
    const away = new AppError({ code: 'UNAVAILABLE', reason: 'SERVICE_UNAVAILABLE', message: 'away' });
    beforeBatch = [undefined, () => Promise.reject(away)];
    const one = await queue();
    const worker = await work();
    await vi.waitFor(() => expect(warnings).toMatchObject([{ importId: one._id, err: { code: 'UNAVAILABLE' } }]));
    expect(await context.imports.find(one._id)).toMatchObject({ status: 'running', done: ARCHIVE_BATCH });
    ahead += 31_000;
    worker.kick();
    expect(await until(one._id, ended)).toMatchObject(complete);
    expect(readings).toEqual([0, ARCHIVE_BATCH]);
  });

  test('ends an import whose archive cannot be read on as failed, with what was not reached', async () => {
    const broken = new AppError({ code: 'INVALID_ARGUMENT', reason: 'TRUNCATED', message: 'It ends early.' });
    beforeBatch = [undefined, () => Promise.reject(broken)];
    const one = await queue();
    await work();
    expect(await until(one._id, ({ status }) => status === 'failed')).toMatchObject({
      total: FILES,
      done: ARCHIVE_BATCH,
      failed: 1,
      problem: { reason: 'TRUNCATED', message: 'It ends early.' },
    });
    expect(await failures(one._id)).toEqual([[1, 'bad.pem', 'UNKNOWN_FORMAT']]);
    expect(await eventsOf(one._id)).toEqual(['pending', 'failed']);
    expect(await certificates()).toBe(ARCHIVE_BATCH - 1);
    await archivesAreGone();
  });

  test('ends an import whose profile is gone as failed', async () => {
    const one = await queue();
    await context.profiles.delete(profileId);
    await work();
    expect(await until(one._id, ({ status }) => status === 'failed')).toMatchObject({
      done: 0,
      problem: { reason: 'ENROLLMENT_PROFILE_NOT_FOUND' },
    });
    expect(await certificates()).toBe(0);
  });

  test('takes one archive after another, and two workers each of them once', async () => {
    const imports = [await queue(), await queue(), await queue()];
    await Promise.all([work(), work()]);
    for (const { _id } of imports) expect(await until(_id, ended)).toMatchObject({ ...complete, generation: 1 });
    expect(readings).toEqual([0, 0, 0]);
    expect(await certificates()).toBe(3 * (FILES - 1));
  });

  test('gives a key that came batches before its certificate when all are there, also one that was stopped before that', async () => {
    const made = await Promise.all(
      Array.from({ length: FILES }, (_, i) => makeCertificate({ commonName: `device-${i}` })),
    );
    const [first, last, stray] = [made[0]!, made.at(-1)!, await makeCertificate({ commonName: 'elsewhere' })];
    const one = await queueFiles([
      ['keys/first.key', first.keyPem],
      ['keys/stray.key', stray.keyPem],
      ['keys/last.key', last.keyPem],
      ...made.map(({ pem }, i): ArchiveFile => [`certs/${i}.pem`, pem]),
      ['readme.txt', 'nothing'],
    ]);
    const all = FILES + 4;
    beforeBatch = Array.from({ length: Math.ceil(all / ARCHIVE_BATCH) }, () => undefined);
    beforeBatch.push((signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())));
    const stopped = await work();
    await until(one._id, ({ done }) => done === all);
    await vi.waitFor(() => expect(readings).toEqual([0, 0]));
    await stopped.stop();
    ahead += 31_000;
    await work();
    const counts = { total: all, done: all, created: FILES, updated: 2, unchanged: 0, failed: 1, passedOver: 1 };
    expect(await until(one._id, ended)).toMatchObject({ status: 'partial', ...counts });
    expect(await failures(one._id)).toEqual([[1, 'keys/stray.key', 'NO_CERTIFICATE_FOR_KEY']]);
    const keyed = await database.connection.collection('certificates').distinct('name', { hasPrivateKey: true });
    expect(keyed.toSorted()).toEqual(['device-0', `device-${FILES - 1}`].toSorted());
    const { items } = await context.importItems.list(one._id, 'passedOver', { limit: 10 });
    expect(items.map(({ file, message }) => [file, message])).toEqual([['readme.txt', 'This is not PEM.']]);
  });

  test('of an archive with nothing in it says so', async () => {
    const one = await queueFiles([
      ['readme.txt', 'nothing'],
      ['license.txt', 'nothing'],
    ]);
    await work();
    expect(await until(one._id, ended)).toMatchObject({
      status: 'failed',
      failed: 0,
      passedOver: 2,
      problem: { reason: 'NOTHING_TO_IMPORT' },
    });
  });

  test('clears away archives that never became an import, when they are old, and no others', async () => {
    const waiting = await queue();
    const at = new Date(Date.now() - 2 * 3_600_000);
    await database.connection.collection('bulk_import_chunks').updateMany({}, { $set: { createdAt: at } });
    await context.contents.addChunk('forgotten', 0, { bytes: Buffer.from('x'), at });
    await context.contents.addChunk('sending', 0, { bytes: Buffer.from('x'), at: new Date() });
    beforeBatch = [(signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve()))];
    await work();
    const kept = await database.connection.collection('bulk_import_chunks').distinct('importId');
    expect(kept.sort()).toEqual([waiting._id, 'sending'].sort());
  });
});
