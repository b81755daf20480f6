import { notFound, type Clock } from '@certferry/core';
import { relinkWithout } from '../renewals/link-certificates.ts';
import { certificateChanged } from './certificate-changed.ts';
import type { Certificates } from './certificates.ts';
import { checkDeletable, type UseContext } from './check-deletable.ts';

export type DeleteContext = UseContext & { certificates: Certificates; clock: Clock; saved: () => void };

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
  await relinkWithout({ certificates, clock }, id);
  saved();
}
