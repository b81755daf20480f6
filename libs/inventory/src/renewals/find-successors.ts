import { invalid } from '@certferry/core';
import type { Certificate } from '../certificates/certificate.ts';
import { chooseSuccessor } from './choose-successor.ts';
import type { LinkingContext } from './link-certificates.ts';
import { findDescendants } from './lineage.ts';
import { Replacements } from './replacements.ts';

/** A certificate that is somewhere, and whether only one with its private key can take its place. */
export interface Held {
  fingerprintSha256: string;
  hasPrivateKey: boolean;
}

export interface Succession {
  held: Held;
  certificate: Certificate;
  successor: Certificate;
}

const MOST = 500;

/** Of each that has one the certificate that is to take its place: the newest valid one, else the first that will be. */
export async function findSuccessors({ certificates, clock }: LinkingContext, held: Held[]): Promise<Succession[]> {
  if (held.length > MOST)
    throw invalid('INVALID_FIELD', `Successors are asked for of at most ${MOST} certificates.`, { field: 'held' });
  const replacements = new Replacements(certificates);
  const known = await replacements.findByFingerprints(held.map(({ fingerprintSha256 }) => fingerprintSha256));
  const descendants = await findDescendants(replacements, known);
  const idOf = new Map(known.map(({ _id, fingerprintSha256 }) => [fingerprintSha256, _id]));
  const found = held.flatMap((one) => {
    const id = idOf.get(one.fingerprintSha256);
    const candidates = (id && descendants.get(id)) || [];
    const successor = chooseSuccessor(candidates, { now: clock.now(), withKey: one.hasPrivateKey });
    return id && successor ? [{ held: one, id, successorId: successor._id }] : [];
  });
  const whole = new Map<string, Certificate>();
  for (const id of new Set(found.flatMap(({ id, successorId }) => [id, successorId]))) {
    const certificate = await certificates.find(id);
    if (certificate) whole.set(id, certificate);
  }
  return found.flatMap(({ held: one, id, successorId }) => {
    const [certificate, successor] = [whole.get(id), whole.get(successorId)];
    return certificate && successor ? [{ held: one, certificate, successor }] : [];
  });
}
