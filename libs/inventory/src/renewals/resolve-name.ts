import { AppError, precondition } from '@certferry/core';
import type { Certificate } from '../certificates/certificate.ts';
import { chooseNewest } from './choose-successor.ts';
import type { LinkingContext } from './link-certificates.ts';
import { findDescendants } from './lineage.ts';
import { Replacements } from './replacements.ts';

/**
 * The newest valid and enabled certificate of a name or common name, without case, or one that replaces such a
 * certificate. NOT_FOUND CERTIFICATE_NOT_FOUND, FAILED_PRECONDITION NO_VALID_CERTIFICATE or NO_PRIVATE_KEY.
 */
export async function resolveName(
  { certificates, clock }: LinkingContext,
  name: string,
  key: 'any' | 'preferred' | 'required',
): Promise<Certificate> {
  const replacements = new Replacements(certificates);
  const named = await replacements.named(name.trim().toLowerCase());
  const details = { name };
  if (named.length === 0) {
    const message = `There is no certificate named "${name}".`;
    throw new AppError({ code: 'NOT_FOUND', reason: 'CERTIFICATE_NOT_FOUND', message, details });
  }
  const replacing = [...(await findDescendants(replacements, named)).values()].flat();
  const now = clock.now();
  const candidates = [...named, ...replacing];
  const chosen = chooseNewest(candidates, { now, key });
  if (chosen) return await certificates.get(chosen._id);
  if (chooseNewest(candidates, { now, key: 'any' })) {
    const message = `The inventory has no private key of a valid certificate named "${name}": import it, or deploy without it.`;
    throw precondition('NO_PRIVATE_KEY', message, details);
  }
  const message = `No certificate named "${name}" is enabled and valid now: name one by its id or fingerprint to take it all the same.`;
  throw precondition('NO_VALID_CERTIFICATE', message, details);
}
