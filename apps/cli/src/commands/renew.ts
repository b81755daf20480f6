import type { Client, RenewalPlan } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { day, print, table } from '../output.ts';
import { findCertificate, isOneCertificate } from './find-certificate.ts';
import { chosenText, reportJobs } from './jobs.ts';
import { findStore } from './find-store.ts';

interface RenewOptions {
  store?: string[];
  dryRun: boolean;
  wait: boolean;
  json: boolean;
}

export function addRenewCommand(program: Command, api: Client): void {
  program
    .command('renew')
    .argument('[certificate]', 'the newer one: id, thumbprint or name; without it: list what waits to be renewed')
    .description('put a certificate wherever one is that it replaces')
    .option('--store <store...>', 'only in these stores, also where one says "never"')
    .option('--dry-run', 'say what would change, and change nothing', false)
    .option('--wait', 'wait until every job has ended', false)
    .option('--json', 'print JSON', false)
    .action((which: string | undefined, options: RenewOptions) =>
      which === undefined ? listWaiting(api, options) : renew(api, which, options),
    );
}

async function listWaiting(api: Client, { json }: RenewOptions): Promise<void> {
  const { items } = await api.listRenewals({});
  const rows = items.map((one) => [
    one.storeName,
    one.alias || '-',
    one.mode,
    one.jobStatus ?? 'waiting',
    day(one.dueAt),
    one.replacesCertificateId,
    one.certificateId,
  ]);
  print(json, items, () => table(['STORE', 'ALIAS', 'RENEWAL', 'STATUS', 'NOT BEFORE', 'HOLDS', 'NEWER'], rows));
}

async function renew(api: Client, which: string, { store = [], dryRun, ...options }: RenewOptions): Promise<void> {
  const storeIds = await Promise.all(store.map((one) => findStore(api, one)));
  const certificate = isOneCertificate(which)
    ? { certificateId: await findCertificate(api, which) }
    : { certificateName: which };
  const answer = await api.renewCertificate({
    body: { ...certificate, ...(storeIds.length > 0 && { storeIds }), ...(dryRun && { dryRun }) },
  });
  if (!options.json) process.stdout.write(`${which} is ${chosenText(answer.certificate)}\n`);
  if ('plan' in answer) return reportPlan(answer, options.json);
  await reportJobs(api, answer.jobs, options);
}

function reportPlan({ plan }: RenewalPlan, json: boolean): void {
  const rows = plan.flatMap(({ storeName, alias, changes, problem, leftAlone }) => {
    const place = [storeName, alias || '-'];
    if (problem) return [[...place, 'PROBLEM', problem]];
    if (leftAlone) return [[...place, 'left alone', 'the store says "never"']];
    return changes.map(({ operation, what }) => [...place, operation, what]);
  });
  print(json, plan, () => table(['STORE', 'ALIAS', 'CHANGE', 'WHAT'], rows));
  if (plan.some(({ problem }) => problem)) throw new CliError('Some stores could not take it.', EXIT.jobFailed);
}
