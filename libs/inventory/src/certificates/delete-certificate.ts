import { notFound, type Clock } from '@certferry/core';
import { certificateChanged } from './certificate-changed.ts';
import type { Certificates } from './certificates.ts';

/** Deletes a certificate and its key. NOT_FOUND the second time. */
export async function deleteCertificate(
  { certificates, clock, saved }: { certificates: Certificates; clock: Clock; saved: () => void },
  id: string,
): Promise<void> {
  const event = certificateChanged('deleted', await certificates.get(id), { time: clock.now() });
  if (!(await certificates.delete(id, event))) throw notFound('certificate', id);
  saved();
}
