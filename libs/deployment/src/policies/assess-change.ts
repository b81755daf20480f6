import { precondition, type AppError } from '@certferry/core';
import type { PreparedChange, StoreChange } from '@certferry/store-drivers';
import { publicKeyBitsOf, readCertificate } from '@certferry/x509';
import type { DeploymentContext } from '../deployment-context.ts';
import type { ChangeRequest } from '../deployments/deployment.ts';
import type { Store } from '../stores/store.ts';
import type { Finding } from './finding.ts';
import { judgeCertificate } from './judge-certificate.ts';
import { policyOf } from './policy.ts';

/** A change that a driver has worked out, for whom, and where. */
export interface PlannedChange {
  asked: Pick<ChangeRequest, 'forced' | 'allowKeyRemoval'>;
  store: Store;
  change: StoreChange;
  prepared: PreparedChange;
}

export interface Assessment {
  findings: Finding[];
  /** FAILED_PRECONDITION KEY_REMOVAL or REFUSED_BY_POLICY. Absent: it may be written. */
  refusal?: AppError;
  /** What is written against the policy because it was asked for; empty: nothing. */
  forced: string;
}

/** What is to be known of a change before it is written, and whether it may be. What changes nothing is never refused. */
export async function assessChange(
  { certificates, clock }: Pick<DeploymentContext, 'certificates' | 'clock'>,
  planned: PlannedChange,
): Promise<Assessment> {
  const { asked, prepared } = planned;
  if (prepared.changes.length === 0) return { findings: [], forced: '' };
  const judged = judge(planned, clock.now());
  const removal = findKeyRemoval(planned);
  const findings = [...judged, ...removal, ...(await findUnknownKey({ certificates }, planned))];
  if (removal.some(isRefused)) return { findings, refusal: keyRemoval(), forced: '' };
  const refused = judged.filter(isRefused);
  const why = refused.map(({ message }) => message).join(' ');
  if (refused.length === 0 || asked.forced)
    return { findings, forced: why && `Forced, against the store’s policy: ${why}` };
  return { findings, refusal: refusedByPolicy(refused, why), forced: '' };
}

const isRefused = ({ severity }: Finding): boolean => severity === 'refuse';

function judge({ change, prepared, store }: PlannedChange, now: Date): Finding[] {
  if (change.action === 'remove') return [];
  const candidate = {
    certificate: readCertificate(change.certificate),
    chain: change.chain.map((der) => readCertificate(der)),
    held: prepared.held?.facts,
  };
  return judgeCertificate(candidate, { policy: policyOf(store), now });
}

function findKeyRemoval({ asked, prepared }: PlannedChange): Finding[] {
  if (!prepared.removesKey) return [];
  const severity = asked.allowKeyRemoval ? 'warn' : 'refuse';
  return [{ rule: 'keyRemoval', severity, message: 'The private key that is in the store would be gone.' }];
}

/** A key that would be gone with the write, and is nowhere else. */
async function findUnknownKey(
  { certificates }: Pick<DeploymentContext, 'certificates'>,
  { change, prepared: { held, removesKey } }: PlannedChange,
): Promise<Finding[]> {
  if (!held?.hasPrivateKey) return [];
  const replaced = change.action === 'add' && change.privateKey && !isSameKey(change.certificate, held.der);
  if (change.action === 'add' && !removesKey && !replaced) return [];
  const filter = `Fingerprint -eq "${held.facts.fingerprintSha256}"`;
  const { items } = await certificates.listCertificates({ filter, limit: 1 });
  if (items[0]?.hasPrivateKey) return [];
  const message = `The inventory does not have the private key of ${held.facts.subject} that is in the store and would be gone: import it first to keep it.`;
  return [{ rule: 'unknownKey', severity: 'warn', message }];
}

const isSameKey = (one: Uint8Array, other: Uint8Array): boolean => publicKeyBitsOf(one) === publicKeyBitsOf(other);

const keyRemoval = (): AppError =>
  precondition(
    'KEY_REMOVAL',
    'The certificate comes without its private key, and the one that is in the store would be gone. Deploy it with its key, or allow the key to be removed.',
  );

const refusedByPolicy = (refused: Finding[], why: string): AppError =>
  precondition('REFUSED_BY_POLICY', `The store’s policy refuses it: ${why} Force it to deploy it all the same.`, {
    rules: refused.map(({ rule }) => rule).join(' '),
  });
