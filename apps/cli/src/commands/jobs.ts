import {
  eachItem,
  jobStatus,
  type ChosenCertificate,
  type Client,
  type DeploymentPlan,
  type Job,
  type Look,
} from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { collect } from '../collect.ts';
import { oneOf } from '../option-values.ts';
import { day, fields, print, table } from '../output.ts';
import { findCertificate, isOneCertificate } from './find-certificate.ts';
import { findStore } from './find-store.ts';
import { planReport } from './plan-report.ts';
import { scheduleOptions, toSchedule, type ScheduleOptions } from './schedule-options.ts';
import { waitForJobs } from './wait-for-jobs.ts';

interface DeployOptions extends ScheduleOptions {
  store?: string[];
  to?: string[];
  remove: boolean;
  alias?: string;
  overwrite: boolean;
  allowKeyRemoval: boolean;
  force: boolean;
  key: boolean;
  dryRun: boolean;
  wait: boolean;
  json: boolean;
}

export function addJobCommands(program: Command, api: Client): void {
  scheduleOptions(program.command('deploy'))
    .argument('<certificate>', 'id or thumbprint, or a name: the newest valid certificate of it')
    .description('deploy a certificate to stores')
    .option('--to <store...>', 'id or name; several are allowed')
    .option('--store <store...>', 'the same as --to')
    .option('--remove', 'remove it from the stores instead', false)
    .option('--alias <alias>', 'name of the entry (default: the common name)')
    .option('--overwrite', 'replace another certificate in the same place', false)
    .option('--allow-key-removal', 'a certificate without its key may take the place of one with a key', false)
    .option('--force', 'write what the policy of a store refuses; this is recorded', false)
    .option('--no-key', 'without the private key')
    .option('--dry-run', 'say what would change, and change nothing', false)
    .option('--wait', 'wait until every job has ended', false)
    .option('--json', 'print JSON', false)
    .action((which: string, options: DeployOptions) => deploy(api, which, options));

  const jobs = program.command('jobs').description('deployment jobs');
  jobs
    .command('ls')
    .description('list jobs, newest first')
    .option('--status <status>', 'only jobs of this status')
    .option('--store <store>', 'only jobs of this store')
    .option('--most <n>', 'at most so many', '50')
    .option('--json', 'print JSON', false)
    .action(async (options: { status?: string; store?: string; most: string; json: boolean }) => {
      const storeId = options.store && (await findStore(api, options.store));
      const status = options.status === undefined ? undefined : oneOf(jobStatus.options, options.status, '--status');
      const items = await collect(eachItem(api.listJobs, { status, storeId }, Number(options.most)));
      print(options.json, items, () => jobTable(items));
    });
  jobs
    .command('show')
    .argument('<id>')
    .description('show a job with its timeline')
    .option('--json', 'print JSON', false)
    .action(async (id: string, options: { json: boolean }) => {
      const job = await api.getJob({ params: { id } });
      print(options.json, job, () => describeJob(job));
    });
  jobs
    .command('watch')
    .argument('<id...>')
    .description('wait until jobs have ended')
    .option('--json', 'print JSON', false)
    .action(async (ids: string[], options: { json: boolean }) => finish(await waitForJobs(api, ids), options.json));
  addDecision('retry', 'queue a failed, cancelled or drifted job again', api.retryJob);
  addDecision('cancel', 'cancel a job that waits', api.cancelJob);

  function addDecision(name: string, description: string, decide: Client['retryJob']): void {
    jobs
      .command(name)
      .argument('<id...>')
      .description(description)
      .option('--json', 'print JSON', false)
      .action(async (ids: string[], options: { json: boolean }) => {
        const decided: Job[] = [];
        for (const id of ids) decided.push(await decide({ params: { id } }));
        print(options.json, decided, () => jobTable(decided));
      });
  }
}

async function deploy(api: Client, which: string, options: DeployOptions): Promise<void> {
  const schedule = toSchedule(options);
  const stores = [...(options.to ?? []), ...(options.store ?? [])];
  if (stores.length === 0) throw new CliError('Say the stores: --to <store...>.', EXIT.usage);
  const storeIds = await Promise.all(stores.map((store) => findStore(api, store)));
  const targets = storeIds.map((storeId) => ({
    storeId,
    alias: options.alias,
    overwrite: options.overwrite,
    ...(options.allowKeyRemoval && { allowKeyRemoval: true }),
    ...(options.force && { force: true }),
    ...(!options.key && { includePrivateKey: false }),
  }));
  const answer = await api.createDeployment({
    body: {
      ...(options.remove || isOneCertificate(which)
        ? { certificateId: await findCertificate(api, which) }
        : { certificateName: which }),
      action: options.remove ? 'remove' : 'add',
      targets,
      ...(schedule && { schedule }),
      ...(options.dryRun && { dryRun: true }),
    },
  });
  if (!options.json && answer.certificate) process.stdout.write(`${which} is ${chosenText(answer.certificate)}\n`);
  if ('plan' in answer) return reportPlan(answer, options, new Map(storeIds.map((id, i) => [id, stores[i]!])));
  await reportJobs(api, answer.jobs, options);
}

/** Prints the jobs, when they have ended if that is waited for. */
export async function reportJobs(
  api: Client,
  jobs: { id: string; storeId: string }[],
  options: { wait: boolean; json: boolean },
): Promise<void> {
  const ids = jobs.map((job) => job.id);
  if (options.wait) return finish(await waitForJobs(api, ids), options.json);
  const rows = jobs.map((job) => [job.id, job.storeId]);
  print(options.json, jobs, () => table(['JOB', 'STORE'], rows));
}

export const chosenText = ({ id, subject, notAfter, hasPrivateKey }: ChosenCertificate): string =>
  `${subject || id}, valid until ${day(notAfter)}, ${hasPrivateKey ? 'with' : 'without'} its private key (${id})`;

function reportPlan({ plan }: DeploymentPlan, { json }: { json: boolean }, names: ReadonlyMap<string, string>): void {
  print(json, plan, () => planReport(plan, (id) => names.get(id) ?? id));
  if (plan.some((one) => one.problem)) throw new CliError('Some stores could not take it.', EXIT.jobFailed);
}

function finish(jobs: Job[], json: boolean): void {
  print(json, jobs, () => jobTable(jobs));
  const bad = jobs.filter((job) => job.status !== 'succeeded');
  if (bad.length > 0)
    throw new CliError(
      `${bad.length} of ${jobs.length} jobs did not succeed; "certferry jobs show ${bad[0]!.id}" says why.`,
      EXIT.jobFailed,
    );
}

function jobTable(jobs: Job[]): string {
  const rows = jobs.map((job) => [
    job.id,
    job.status,
    job.action,
    String(job.attempts),
    job.error?.message ?? (job.changes.map((change) => `${change.operation} ${change.what}`).join(', ') || '-'),
  ]);
  return table(['JOB', 'STATUS', 'ACTION', 'ATTEMPTS', 'CHANGES'], rows);
}

const lookLine = ({ address, serverName, ok, attempts, fingerprintSha256 = '', problem = '' }: Look): string =>
  `${address}${serverName ? ` (${serverName})` : ''}: ${ok ? `yes, ${fingerprintSha256}` : `NO: ${problem}`} (looked at ${attempts === 1 ? 'once' : `${attempts} times`})`;

function describeJob(job: Job): string {
  const head = fields([
    ['Job', job.id],
    ['Status', job.status],
    ['Action', job.action],
    ['Certificate', job.certificateId],
    ['Store', job.storeId],
    ['Alias', job.alias],
    ['Replaces', job.replacesCertificateId ?? ''],
    ['Next run', job.nextRunAt ?? ''],
    ['Error', job.error?.message ?? ''],
    ['Served', (job.look ?? []).map(lookLine).join('\n')],
    ['Findings', job.findings.map(({ severity, message }) => `${severity}: ${message}`).join('\n')],
    ['Forced', job.forced ? 'yes' : ''],
    ['Changes', job.changes.map((change) => `${change.operation} ${change.what}`).join(', ')],
  ]);
  return `${head}\n\n${table(
    ['AT', 'STEP', 'MESSAGE'],
    job.timeline.map((entry) => [entry.at, entry.step, entry.message ?? '']),
  )}`;
}
