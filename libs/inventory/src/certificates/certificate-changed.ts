import { createEvent, type Event } from '@certferry/events';
import type { Certificate } from './certificate.ts';

/** certferry.inventory.certificate.<what>; `changes` are the fields of an update. */
export function certificateChanged(
  what: 'created' | 'updated' | 'deleted',
  certificate: Pick<Certificate, '_id' | 'fingerprintSha256'>,
  { time, changes = [] }: { time: Date; changes?: string[] },
): Event {
  const data = {
    certificateId: certificate._id,
    fingerprintSha256: what === 'deleted' ? '' : certificate.fingerprintSha256,
    changes,
  };
  return createEvent({ type: `certferry.inventory.certificate.${what}`, subject: certificate._id, data, time });
}
