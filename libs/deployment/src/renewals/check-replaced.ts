import { precondition } from '@certferry/core';
import type { Change } from '@certferry/store-drivers';
import type { Job } from '../jobs/job.ts';

/**
 * A renewal replaces the certificate that it was made for, and no other that somebody has put there since.
 * FAILED_PRECONDITION NOT_AS_REPLACED.
 */
export function checkReplaced(
  { replaces, fingerprintSha256 }: Pick<Job, 'replaces' | 'fingerprintSha256'>,
  changes: readonly Change[],
): void {
  if (!replaces || changes.length === 0) return;
  const held = changes.map((one) => one.oldFingerprintSha256).filter(Boolean);
  const expected = [replaces.fingerprintSha256, fingerprintSha256];
  if (held.length > 0 && held.every((one) => expected.includes(one))) return;
  const what = held.length === 0 ? 'nothing' : 'another certificate';
  throw precondition(
    'NOT_AS_REPLACED',
    `The place holds ${what} by now, not the certificate that this one replaces. It was left as it is.`,
    { replacesCertificateId: replaces.certificateId },
  );
}
