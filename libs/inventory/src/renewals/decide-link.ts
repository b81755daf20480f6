import { invalid } from '@certferry/core';
import type { Certificate } from '../certificates/certificate.ts';
import { certificateChanged } from '../certificates/certificate-changed.ts';
import { listReplaced } from './lineage.ts';
import type { LinkingContext } from './link-certificates.ts';

export type DecisionContext = LinkingContext & {
  /** Called when events were saved. */
  saved: () => void;
};

/** A person says which certificate another replaces (none: empty), and it stays so. INVALID_ARGUMENT for a circle. */
export async function decideLink(context: DecisionContext, id: string, replaces: string): Promise<Certificate> {
  const { certificates, clock, saved } = context;
  for (;;) {
    const certificate = await certificates.get(id);
    if (replaces !== '') await checkOlder(context, certificate, replaces);
    if (certificate.linkedBy === 'person' && certificate.replaces === replaces) return certificate;
    const now = clock.now();
    const fields = { replaces, linkedBy: 'person', updatedAt: now } as const;
    const changes = (certificate.replaces ?? '') === replaces ? [] : ['replaces'];
    const event = certificateChanged('updated', certificate, { time: now, changes });
    if (!(await certificates.update(certificate, fields, event))) continue;
    saved();
    return { ...certificate, ...fields };
  }
}

async function checkOlder(context: DecisionContext, { _id: id }: Certificate, replaces: string): Promise<void> {
  const older = await context.certificates.get(replaces);
  const above = [older, ...(await listReplaced(context, older))];
  if (above.every(({ _id }) => _id !== id)) return;
  throw invalid('INVALID_FIELD', 'A certificate cannot replace itself, nor one that replaces it.', {
    field: 'replaces_certificate_id',
  });
}
