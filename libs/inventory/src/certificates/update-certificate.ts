import type { Clock } from '@certferry/core';
import type { MetadataFields } from '../metadata-fields/metadata-fields.ts';
import { changedFields, checkDescription, describedFields, type Certificate, type Description } from './certificate.ts';
import { certificateChanged } from './certificate-changed.ts';
import type { Certificates } from './certificates.ts';

export interface UpdateContext {
  certificates: Certificates;
  metadataFields: MetadataFields;
  clock: Clock;
  /** Called when events were saved. */
  saved: () => void;
}

export interface CertificateUpdate extends Description {
  enabled?: boolean;
}

/** Sets what is given and differs; nothing is written and no event made when nothing does. */
export async function updateCertificate(
  { certificates, metadataFields, clock, saved }: UpdateContext,
  id: string,
  { enabled, ...description }: CertificateUpdate,
): Promise<Certificate> {
  checkDescription(description);
  await metadataFields.note(Object.keys(description.metadata ?? {}));
  for (;;) {
    const certificate = await certificates.get(id);
    const changes = changedFields(certificate, description);
    if (enabled !== undefined && enabled !== certificate.enabled) changes.push('enabled');
    if (changes.length === 0) return certificate;
    const now = clock.now();
    const fields = {
      ...describedFields(certificate, description, now),
      ...(enabled !== undefined && { enabled }),
    };
    const event = certificateChanged('updated', certificate, { time: now, changes });
    // Somebody else was faster: what they changed stays, and this is set on top of it.
    if (!(await certificates.update(certificate, fields, event))) continue;
    saved();
    return { ...certificate, ...fields };
  }
}
