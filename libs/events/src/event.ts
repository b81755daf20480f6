import { newId } from '@certferry/core';

/** A CloudEvents 1.0 envelope. `type` is also the subject on the bus: certferry.<area>.<entity>.<past-tense>. */
export interface Event<T = unknown> {
  specversion: '1.0';
  /** Stable: published again after a crash, it is the same. */
  id: string;
  source: 'certferry';
  type: string;
  /** The id of what it is about. */
  subject: string;
  /** RFC 3339, UTC. */
  time: string;
  datacontenttype: 'application/json';
  /** A message of certferry.events.v1 as JSON. */
  data: T;
}

export function createEvent<T>(of: { type: string; subject: string; data: T; time: Date }): Event<T> {
  return {
    specversion: '1.0',
    id: newId(),
    source: 'certferry',
    type: of.type,
    subject: of.subject,
    time: of.time.toISOString(),
    datacontenttype: 'application/json',
    data: of.data,
  };
}
