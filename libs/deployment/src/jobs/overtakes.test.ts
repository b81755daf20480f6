import { expect, test } from 'vitest';
import { overtakes, type Decision } from './overtakes.ts';

const hour = (at: number) => new Date(Date.UTC(2026, 9, 1, at));
const job = (id: string, more: Partial<Decision> = {}): Decision => ({
  _id: id,
  createdAt: hour(0),
  decidesAt: hour(0),
  action: 'add',
  certificateId: 'old',
  ...more,
});
const recurrence = { everyMinutes: 60, anchor: hour(0) };
const planned = job('a', { createdAt: hour(1), decidesAt: hour(26), certificateId: 'new' });

test.each<[string, Decision, Decision, boolean]>([
  ['what was asked for later', job('b', { createdAt: hour(2), decidesAt: hour(2) }), job('a'), true],
  ['what was asked for earlier', job('a'), job('b', { createdAt: hour(2), decidesAt: hour(2) }), false],
  ['the later of two at the same moment', job('b'), job('a'), true],
  [
    'what the evening brings, over a renewal of the night',
    job('b', { createdAt: hour(18), decidesAt: hour(18) }),
    planned,
    false,
  ],
  [
    'the renewal of the night, over what the evening brought',
    planned,
    job('b', { createdAt: hour(18), decidesAt: hour(18) }),
    true,
  ],
  [
    'a repetition that keeps the old one in place, over a renewal',
    job('c', { createdAt: hour(27), decidesAt: hour(0), recurrence }),
    planned,
    false,
  ],
  [
    'a renewal, over a repetition that would put the old one back',
    planned,
    job('c', { createdAt: hour(27), decidesAt: hour(0), recurrence }),
    true,
  ],
  [
    'a deployment of the same, over a repetition that keeps it in place',
    job('b', { createdAt: hour(18), decidesAt: hour(18) }),
    job('c', { createdAt: hour(27), decidesAt: hour(0), recurrence }),
    false,
  ],
  [
    'a removal, over a repetition that would put it back',
    job('b', { createdAt: hour(18), decidesAt: hour(18), action: 'remove' }),
    job('c', { createdAt: hour(27), decidesAt: hour(0), recurrence }),
    true,
  ],
  ['jobs from before their time was kept', job('b', { createdAt: hour(2), decidesAt: undefined }), job('a'), true],
])('%s: %#', (_, done, other, expected) => expect(overtakes(done, other)).toBe(expected));
