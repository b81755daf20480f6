import { notFound, type Clock } from '@certferry/core';
import type { LocationContext } from '../locations/find-locations.ts';
import { certificateChanged } from './certificate-changed.ts';
import type { Certificates } from './certificates.ts';
import { checkDeletable } from './check-deletable.ts';

export type DeleteContext = LocationContext & { certificates: Certificates; clock: Clock; saved: () => void };

/** Deletes a certificate and its key. NOT_FOUND the second time; unless forced CERTIFICATE_DEPLOYED where it is used. */
export async function deleteCertificate(
  context: DeleteContext,
  { id, force }: { id: string; force: boolean },
): Promise<void> {
  const { certificates, clock, saved } = context;
  const certificate = await certificates.get(id);
  if (!force) await checkDeletable(context, certificate);
  const event = certificateChanged('deleted', certificate, { time: clock.now() });
  if (!(await certificates.delete(id, event))) throw notFound('certificate', id);
  saved();
}
