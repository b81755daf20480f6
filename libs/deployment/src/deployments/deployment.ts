import type { inventoryV1 } from '@certferry/contracts';
import { invalid, precondition } from '@certferry/core';
import { findDriver } from '@certferry/store-drivers';
import type { Job } from '../jobs/job.ts';
import type { Store } from '../stores/store.ts';

/** One place that a deployment changes. */
export interface Target {
  storeId: string;
  alias?: string;
  overwrite: boolean;
  includePrivateKey?: boolean;
  /** Of a removal without a certificate: only if the place holds this one. */
  thumbprint?: string;
  /** Whether a certificate without its key may take the place of one with a key. */
  allowKeyRemoval: boolean;
  /** Whether it is written though the store's policy refuses it. */
  force: boolean;
  /** Of a renewal: what alone it may replace. */
  replaces?: Job['replaces'];
}

/** What is asked: a certificate to put into places, or to take out of them. */
export interface Deployment {
  /** Empty for a removal of whatever the target's alias holds. */
  certificateId: string;
  action: 'add' | 'remove';
  targets: Target[];
}

/** What a job changes. */
export type ChangeRequest = Pick<Deployment, 'action'> &
  Pick<
    Job,
    | 'alias'
    | 'aliasIsDefault'
    | 'overwrite'
    | 'includePrivateKey'
    | 'certificateId'
    | 'fingerprintSha256'
    | 'thumbprint'
    | 'allowKeyRemoval'
    | 'forced'
    | 'replaces'
  >;

const MAX_TARGETS = 1_000;
const MAX_ALIAS_CHARACTERS = 200;

/** INVALID_ARGUMENT INVALID_FIELD for none and for more than 1,000. */
export function checkTargets(targets: Target[]): void {
  if (targets.length >= 1 && targets.length <= MAX_TARGETS) return;
  throw invalid('INVALID_FIELD', `A deployment has 1 to ${MAX_TARGETS} targets, not ${targets.length}.`, {
    field: 'targets',
  });
}

/** FAILED_PRECONDITION CERTIFICATE_DISABLED. */
export function checkEnabled({ id, enabled }: inventoryV1.Certificate): void {
  if (enabled) return;
  throw precondition('CERTIFICATE_DISABLED', 'The certificate is disabled; enable it to deploy it.', { id });
}

/** The name of the place in a store: what the target says, else the certificate's common name, else its thumbprint. */
export function aliasFor(target: Target, store: Store, certificate: inventoryV1.Certificate | undefined): string {
  const driver = findDriver(store.kind);
  const naming = driver.aliasOf?.(store.config) ?? driver.alias;
  if (naming === 'none') return '';
  const own = naming === 'thumbprint' ? (certificate?.facts!.thumbprint ?? target.thumbprint) : undefined;
  if (own) return own.toUpperCase();
  const alias = target.alias?.trim() || certificate?.facts!.commonName || certificate?.facts!.thumbprint;
  if (!alias)
    throw invalid('INVALID_FIELD', 'Without a certificate, a removal needs the alias of an entry.', { field: 'alias' });
  if (alias.length > MAX_ALIAS_CHARACTERS)
    throw invalid('INVALID_FIELD', `An alias has at most ${MAX_ALIAS_CHARACTERS} characters.`, { field: 'alias' });
  return alias;
}

/** Without a wish: the key goes where the certificate has one and the store has a place for it. */
export function wantsPrivateKey(target: Target, store: Store, certificate: inventoryV1.Certificate): boolean {
  const hasPlace = findDriver(store.kind).holdsPrivateKey(store.config);
  if (target.includePrivateKey === undefined) return certificate.hasPrivateKey && hasPlace;
  if (target.includePrivateKey && !certificate.hasPrivateKey) {
    throw precondition(
      'NO_PRIVATE_KEY',
      'The inventory does not have the private key of this certificate: import it, or deploy without it.',
      { id: certificate.id },
    );
  }
  return target.includePrivateKey && hasPlace;
}
