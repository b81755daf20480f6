import type { DeploymentPlan } from '@certferry/rest';
import { day, table } from '../output.ts';

type StorePlan = DeploymentPlan['plan'][number];

/** A plan for people: what changes in which store, what gives way to it, what is to be thought about first. */
export function planReport(plan: StorePlan[], storeName: (id: string) => string): string {
  const rows = plan.flatMap((one) => planRows(one).map((row) => [storeName(one.storeId), ...row]));
  return table(['STORE', 'CHANGE', 'WHAT'], rows);
}

function planRows({ changes, problem, findings, held, hooks }: StorePlan): string[][] {
  const replaced = held
    ? `${held.subject} (expires ${day(held.notAfter)}${held.hasPrivateKey ? ', with key' : ''})`
    : '';
  const made = changes.map(({ operation, what, oldFingerprintSha256 }) => {
    if (operation === 'create') return [operation, what];
    // A file may be replaced for its chain or its key alone.
    const same = held?.fingerprintSha256 === oldFingerprintSha256 ? replaced : '';
    return [operation, same ? `${same} in ${what}` : what];
  });
  return [
    ...(problem ? [['PROBLEM', problem]] : made.length > 0 ? [] : [['nothing', 'is as asked']]),
    ...made,
    ...(hooks.length > 0 ? [['hooks', hooks.join(', ')]] : []),
    ...findings.map(({ severity, message }) => [severity === 'refuse' ? 'REFUSED' : 'warning', message]),
  ];
}
