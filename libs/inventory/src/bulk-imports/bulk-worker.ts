import { AsyncResource } from 'node:async_hooks';
import { AppError, invalid } from '@certferry/core';
import { deploymentV1, type parserV1 } from '@certferry/contracts';
import type { Database } from '@certferry/database';
import type { Client } from '@certferry/rpc';
import type { CertificateFacts } from '@certferry/x509';
import type { Logger } from '@certferry/runtime';
import { checkDescription } from '../certificates/certificate.ts';
import { Saving, type Arrival, type ImportContext } from '../imports/import-certificates.ts';
import { MAX_FAILURES, statusEvent, type BulkImport, type BulkImportFailure } from './bulk-imports.ts';
import { mapFields, type EnrollmentProfile } from '../enrollment-profiles/enrollment-profiles.ts';
import { archiveRequests, PARSE_DEADLINE_MS, type BulkContext } from './start-bulk-import.ts';

export interface BulkWorkerContext extends BulkContext {
  importing: ImportContext;
  deployment: Client<typeof deploymentV1.DeploymentServiceDefinition>;
  database: Database;
  logger: Logger;
}

const POLL_MS = 1_000;
const LEASE_MS = 60_000;
const PARALLEL = 100;

interface Result {
  failure?: BulkImportFailure;
  certificateIds: string[];
}

/** Takes archives in, one after another; where it is stands in the database after every batch. */
export class BulkWorker {
  readonly #context: BulkWorkerContext;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = true;

  constructor(context: BulkWorkerContext) {
    this.#context = context;
  }

  async start(): Promise<void> {
    const { database, bulkImports } = this.#context;
    const now = await database.now();
    if (database.exclusive) await bulkImports.freeLeased(now);
    await bulkImports.deleteForgotten(now);
    this.#stopped = false;
    this.kick();
  }

  // Not in the context of the call that kicks: the worker outlives it.
  kick = AsyncResource.bind((): void => {
    if (this.#stopped) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#running = this.#work()
      .catch((error: unknown) => this.#context.logger.warn({ err: error }, 'a bulk import was left to its lease'))
      .finally(() => {
        this.#running = undefined;
        if (this.#again) {
          this.#again = false;
          this.kick();
        } else if (!this.#stopped) this.#timer = setTimeout(this.kick, POLL_MS);
      });
  });

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #work(): Promise<void> {
    const { bulkImports, database } = this.#context;
    while (!this.#stopped) {
      const now = await database.now();
      const one = await bulkImports.lease(now, new Date(now.getTime() + LEASE_MS));
      if (!one) return;
      await this.#takeIn(one);
    }
  }

  async #takeIn(leased: BulkImport): Promise<void> {
    const { profiles, parser } = this.#context;
    const profile = await profiles.find(leased.profileId);
    if (!profile) {
      const message = 'Its enrollment profile was deleted; make one and send the archive again.';
      const failure = { index: 0, file: '', reason: 'ENROLLMENT_PROFILE_NOT_FOUND', message };
      return await this.#end({ ...leased, failures: [failure] }, 'failed');
    }
    let one: BulkImport | undefined = leased;
    const requests = archiveRequests(this.#context, one._id, { skipItems: one.processed });
    try {
      for await (const { part } of parser.parseArchive(requests, { deadline: PARSE_DEADLINE_MS })) {
        if (part?.$case !== 'batch') continue;
        one = await this.#takeBatch(one, profile, part.value.items);
        if (!one || this.#stopped) return;
      }
    } catch (error) {
      if (!(error instanceof AppError) || !['INVALID_ARGUMENT', 'RESOURCE_EXHAUSTED'].includes(error.code)) throw error;
      const failure = { index: one?.processed ?? 0, file: '', reason: error.reason, message: error.message };
      if (one) await this.#end({ ...one, failures: [...one.failures, failure] }, 'failed');
      return;
    }
    await this.#end(one, 'completed');
  }

  /** Imports a batch and keeps how far it is; a batch that is done twice changes nothing. */
  async #takeBatch(
    one: BulkImport,
    profile: EnrollmentProfile,
    items: parserV1.ArchiveItem[],
  ): Promise<BulkImport | undefined> {
    const { bulkImports, database, importing } = this.#context;
    await importing.metadataFields.note(profile.fieldMappings.map((mapping) => mapping.deviceField));
    const results: Result[] = [];
    for (let at = 0; at < items.length; at += PARALLEL) {
      const some = items.slice(at, at + PARALLEL);
      results.push(...(await Promise.all(some.map((item) => this.#takeItem(one, profile, item)))));
    }
    importing.saved();
    await this.#deploy(one, profile, results);
    const failures = results.flatMap(({ failure }) => failure ?? []);
    return await bulkImports.save(one, {
      processed: one.processed + items.length,
      failed: one.failed + failures.length,
      failures: [...one.failures, ...failures].slice(0, MAX_FAILURES),
      dueAt: new Date((await database.now()).getTime() + LEASE_MS),
    });
  }

  async #takeItem(one: BulkImport, profile: EnrollmentProfile, item: parserV1.ArchiveItem): Promise<Result> {
    const fail = (reason: string, message: string): Result => ({
      failure: { index: item.index, file: item.name, reason, message },
      certificateIds: [],
    });
    const problem = item.failure ?? item.inspection?.failures[0];
    if (problem) return fail(problem.reason, problem.message);
    try {
      const certificateIds: string[] = [];
      for (const arrival of this.#arrivals(profile, item)) {
        const saving = new Saving(this.#context.importing, {
          dryRun: false,
          createOnly: false,
          filePath: '',
          caller: one.caller,
        });
        certificateIds.push((await saving.certificate(arrival)).certificateId);
      }
      return { certificateIds };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'INVALID_ARGUMENT') throw error;
      return fail(error.reason, error.message);
    }
  }

  #arrivals(profile: EnrollmentProfile, { inspection, privateKeys, fields }: parserV1.ArchiveItem): Arrival[] {
    const certificates = inspection?.certificates ?? [];
    if (certificates.length === 0) throw invalid('NO_CERTIFICATE', 'There is no certificate in the file.');
    return certificates.map(({ index, der, facts, key }) => {
      const metadata = mapFields(profile, { facts: facts as CertificateFacts, fields });
      const description = Object.keys(metadata).length > 0 ? { metadata } : {};
      checkDescription(description);
      const privateKey = key === undefined ? undefined : privateKeys[key];
      return { index, issuer: false, der, facts: facts as CertificateFacts, privateKey, description };
    });
  }

  async #deploy(one: BulkImport, { targetStoreIds }: EnrollmentProfile, results: Result[]): Promise<void> {
    if (targetStoreIds.length === 0) return;
    for (const certificateId of results.flatMap((result) => result.certificateIds)) {
      const targets = targetStoreIds.map((storeId) => ({ storeId, overwrite: true }));
      const requestId = `bulk:${one._id}:${certificateId}`;
      await this.#context.deployment.createDeployment({
        certificateId,
        action: deploymentV1.DeploymentAction.ADD,
        targets,
        requestId,
      });
    }
  }

  async #end(one: BulkImport, status: 'completed' | 'failed'): Promise<void> {
    const { bulkImports, clock, saved } = this.#context;
    const completedAt = clock.now();
    const { failures, failed, total } = one;
    const set = {
      status,
      completedAt,
      failures,
      failed: status === 'failed' ? total - one.processed + failed : failed,
    };
    const ended = await bulkImports.save(one, set, statusEvent({ ...one, ...set }, completedAt));
    if (!ended) return;
    await bulkImports.deleteChunks(one._id);
    saved();
  }
}
