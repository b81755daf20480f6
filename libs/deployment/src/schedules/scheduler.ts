import { Loop } from '@certferry/work';
import type { ChangeRequest } from '../deployments/deployment.ts';
import { insertJob } from '../deployments/insert-job.ts';
import type { DeploymentContext } from '../deployment-context.ts';
import type { Job } from '../jobs/job.ts';
import { nextRun } from './recurrence.ts';

const LOOK_AHEAD = 200;

/** Makes the next job of a recurrence when one has ended. */
export class Scheduler {
  readonly #context: DeploymentContext;
  readonly #loop: Loop;

  constructor(context: DeploymentContext) {
    this.#context = context;
    this.#loop = new Loop({
      round: () => this.#followAll(),
      onError: (error) => context.logger.warn({ err: error }, 'cannot follow recurring jobs'),
    });
  }

  start = (): void => this.#loop.start();
  kick = (): void => this.#loop.kick();
  stop = (): Promise<void> => this.#loop.stop();

  async #followAll(): Promise<number | void> {
    const ended = await this.#context.jobs.toFollow(LOOK_AHEAD);
    for (const job of ended) await this.#follow(job);
    return ended.length === LOOK_AHEAD ? 0 : undefined;
  }

  /** A job that a person cancelled is followed by none. The request key makes it one job, however often this is done. */
  async #follow(ended: Job): Promise<void> {
    const { jobs, clock, saved } = this.#context;
    const { recurrence } = ended;
    if (recurrence && (ended.state !== 'cancelled' || ended.error?.reason === 'SUPERSEDED')) {
      const now = clock.now();
      await insertJob(
        this.#context,
        {
          ...again(ended),
          recurrence,
          repeats: true,
          requestKey: `${ended._id}:next`,
          previousJobId: ended._id,
          requestedBy: ended.requestedBy,
          requestId: ended.requestId,
        },
        { now, dueAt: nextRun(recurrence, recurrence.anchor, now) },
      );
    }
    await jobs.followed(ended);
    saved();
  }
}

/** What the next job does too. */
function again(job: Job): Omit<ChangeRequest, 'action'> & Pick<Job, 'action' | 'storeId' | 'storeKind'> {
  const { storeId, storeKind, certificateId, fingerprintSha256, thumbprint, action } = job;
  const { alias, overwrite, includePrivateKey, allowKeyRemoval, forced } = job;
  return {
    ...{ storeId, storeKind, certificateId, fingerprintSha256, thumbprint, action },
    ...{ alias, overwrite, includePrivateKey, allowKeyRemoval, forced },
  };
}
