import { AppError, type Clock } from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import { toBuffer } from '@certferry/database';
import type { Client } from '@certferry/rpc';
import type { Lease } from '@certferry/work';
import type { EnrollmentProfile } from '../enrollment-profiles/enrollment-profile.ts';
import type { EnrollmentProfiles } from '../enrollment-profiles/enrollment-profiles.ts';
import type { MetadataFields } from '../metadata-fields/metadata-fields.ts';
import { failedItem } from './import.ts';
import type { ImportItems } from './import-items.ts';
import {
  afterItems,
  atEnd,
  importChanged,
  type ImportJob,
  type JobPasswords,
  type JobRequest,
  type Problem,
} from './import-job.ts';
import type { Imports } from './imports.ts';
import type { ArchiveContext } from './parse-archive.ts';
import { Saving, type SavingContext } from './saving.ts';
import { archiveAgain, archiveSource } from './sources/archive-source.ts';
import { containerSource } from './sources/container-source.ts';
import { skipUnits, type Batch, type SourceContext, type Unit, type UnitResult } from './sources/import-source.ts';
import { pemSource } from './sources/pem-source.ts';
import { passwordContext } from './start-import.ts';

export interface RunContext extends ArchiveContext {
  imports: Imports;
  importItems: ImportItems;
  profiles: EnrollmentProfiles;
  metadataFields: MetadataFields;
  importing: SavingContext;
  deployment: Client<typeof deploymentV1.DeploymentServiceDefinition>;
  clock: Clock;
  /** Called when events were saved. */
  saved: () => void;
}

/** The worker's right to a job: its lease, and whether the process stops. */
export interface Turn {
  lease: Lease;
  stopping: AbortSignal;
}

/** Units that are done side by side, share a commit, and are repeated after an interruption. */
const PARALLEL = 100;
const MAX_NOTICES = 100;
/** What is answered for a content that will never be read to its end. */
const HOPELESS: AppError['code'][] = ['INVALID_ARGUMENT', 'RESOURCE_EXHAUSTED'];

/** Takes the content of a job in, from where it is to its end; where it is stands in the database after every batch. */
export async function runImport(context: RunContext, leased: ImportJob, turn: Turn): Promise<void> {
  const profile = leased.profileId === undefined ? undefined : await context.profiles.find(leased.profileId);
  if (leased.profileId !== undefined && !profile) {
    const message = 'Its enrollment profile was deleted; make one and send the archive again.';
    return await end(context, leased, { reason: 'ENROLLMENT_PROFILE_NOT_FOUND', message });
  }
  const run = new ImportRun(context, leased, { turn, profile });
  try {
    if (!(await run.all())) return;
  } catch (error) {
    if (run.signal.aborted) return;
    if (!(error instanceof AppError) || !HOPELESS.includes(error.code)) throw error;
    return await end(context, run.job, { reason: error.reason, message: error.message });
  }
  if (turn.lease.held) await end(context, run.job, nothingIn(run.job));
}

function nothingIn({ done, passedOver }: ImportJob): Problem | undefined {
  if (done === 0 || passedOver < done) return undefined;
  const message = `There is no certificate and no private key in this archive; its ${done} files were passed over.`;
  return { reason: 'NOTHING_TO_IMPORT', message };
}

class ImportRun {
  readonly signal: AbortSignal;
  readonly #context: RunContext;
  readonly #turn: Turn;
  readonly #profile: EnrollmentProfile | undefined;
  readonly #request: JobRequest;
  readonly #saving: Saving;
  readonly #began = performance.now();
  readonly #doneBefore: number;
  #job: ImportJob;

  constructor(context: RunContext, job: ImportJob, of: { turn: Turn; profile: EnrollmentProfile | undefined }) {
    this.#context = context;
    this.#job = job;
    this.#doneBefore = job.done;
    this.#turn = of.turn;
    this.#profile = of.profile;
    this.#request = JSON.parse(job.request) as JobRequest;
    this.signal = AbortSignal.any([of.turn.lease.lost, of.turn.stopping]);
    const { createOnly, filePath } = this.#request;
    const createdBy = job.requestedBy ?? '';
    this.#saving = new Saving(context.importing, { dryRun: false, createOnly, filePath, createdBy });
  }

  /** As it stands in the database. */
  get job(): ImportJob {
    return this.#job;
  }

  /** Does what is left; false when it was stopped: by its lease, its process, or who paused or cancelled it. */
  async all(): Promise<boolean> {
    const mapped = this.#profile?.fieldMappings.map(({ deviceField }) => deviceField) ?? [];
    await this.#context.metadataFields.note([...Object.keys(this.#request.metadata ?? {}), ...mapped]);
    for await (const batch of this.#batches()) {
      await this.#note(batch);
      for (let at = 0; at < batch.units.length; at += PARALLEL)
        if (!(await this.#take(batch.units.slice(at, at + PARALLEL), batch.total))) return false;
      if (this.#over) return false;
    }
    return await this.#giveKeysThatCameFirst();
  }

  /**
   * In an archive a key may come long before its certificate. Now that all certificates are there, the files whose key
   * found none are taken once more.
   */
  async #giveKeysThatCameFirst(): Promise<boolean> {
    const { importItems } = this.#context;
    const { _id, kind } = this.#job;
    const early = kind === 'archive' ? await importItems.failedFor(_id, 'NO_CERTIFICATE_FOR_KEY') : [];
    if (early.length === 0) return true;
    for await (const { units } of archiveAgain(this.#source(), early)) {
      const results = await Promise.all(units.map((unit) => this.#run(unit)));
      this.#context.saved();
      for (const { item, certificateIds } of results) {
        for (const certificateId of certificateIds) await this.#deploy(certificateId);
        if (this.#over) return false;
        await importItems.replaceFailed(_id, item);
      }
    }
    const [failed, updated, unchanged] = await Promise.all([
      importItems.count(_id, 'failed'),
      importItems.count(_id, 'updated'),
      importItems.count(_id, 'unchanged'),
    ]);
    const { done, passedOver } = this.#job;
    return await this.#save({ failed, updated, unchanged, created: done - passedOver - failed - updated - unchanged });
  }

  get #over(): boolean {
    return !this.#turn.lease.held || this.#turn.stopping.aborted;
  }

  #source(): SourceContext {
    const { job, signal } = this;
    const passwords = this.#passwords();
    return { ...this.#context, job, request: this.#request, passwords, profile: this.#profile, signal };
  }

  #batches(): AsyncIterable<Batch> {
    const source = this.#source();
    const { job } = source;
    switch (job.kind) {
      case 'archive':
        return archiveSource(source);
      case 'pem':
        return skipUnits(pemSource(source), job.done);
      case 'container':
        return skipUnits(containerSource(source), job.done);
    }
  }

  #passwords(): JobPasswords {
    const { _id, sealedPasswords } = this.#job;
    if (!sealedPasswords) return {};
    const { secrets } = this.#context.importing;
    return JSON.parse(secrets.open(toBuffer(sealedPasswords), passwordContext(_id)).toString()) as JobPasswords;
  }

  /** What a batch says of the whole. */
  async #note({ format, notices = [], chains, total }: Batch): Promise<void> {
    const all = [...new Set([...this.#job.notices, ...notices])].slice(0, MAX_NOTICES);
    const changes: Partial<ImportJob> = {
      ...(format && format !== this.#job.format && { format }),
      ...(all.length > this.#job.notices.length && { notices: all }),
      ...(chains && { chains }),
      ...(total !== undefined && total > this.#job.total && { total }),
    };
    if (Object.keys(changes).length > 0) await this.#save(changes);
  }

  /** Does some units and keeps how far the job is; false when it is not to go on. */
  async #take(units: Unit[], total: number | undefined): Promise<boolean> {
    if (this.#over) return false;
    const results = await Promise.all(units.map((unit) => this.#run(unit)));
    this.#context.saved();
    for (const certificateId of results.flatMap((result) => result.certificateIds)) {
      if (this.#over) return false;
      await this.#deploy(certificateId);
    }
    if (this.#over) return false;
    const kept = await this.#context.importItems.add(
      this.#job._id,
      results.map(({ item }) => item),
    );
    const after = afterItems(
      this.#job,
      kept.map(({ result }) => result),
      total,
    );
    const seconds = (performance.now() - this.#began) / 1_000;
    return await this.#save({ ...after, itemsPerSecond: (after.done - this.#doneBefore) / seconds });
  }

  async #run({ index, file, run }: Unit): Promise<UnitResult> {
    const own = file ? { file } : {};
    try {
      const { item, certificateIds } = await run(this.#saving);
      return { item: { ...item, ...own }, certificateIds };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'INVALID_ARGUMENT') throw error;
      return { item: { ...failedItem(index, error), ...own }, certificateIds: [] };
    }
  }

  /** To where the profile says. Asked for again after an interruption, it is the same deployment. */
  async #deploy(certificateId: string): Promise<void> {
    const targets = this.#profile?.targetStoreIds ?? [];
    if (targets.length === 0) return;
    await this.#context.deployment.createDeployment({
      certificateId,
      action: deploymentV1.DeploymentAction.ADD,
      targets: targets.map((storeId) => ({ storeId, overwrite: true })),
      requestId: `bulk:${this.#job._id}:${certificateId}`,
    });
  }

  async #save(progress: Partial<ImportJob>): Promise<boolean> {
    const after = await this.#context.imports.saveProgress(this.#job, progress);
    if (after) this.#job = after;
    return after?.status === 'running' || after?.status === 'queued';
  }
}

async function end({ imports, contents, clock, saved }: RunContext, job: ImportJob, problem?: Problem): Promise<void> {
  const at = clock.now();
  const ended = atEnd(job, { at, ...(problem && { problem }) });
  if (!(await imports.saveEnd(job, ended, importChanged({ ...job, ...ended }, at)))) return;
  await contents.delete(job._id);
  saved();
}
