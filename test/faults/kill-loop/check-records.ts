import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { call, type RunningSystem } from '../../running-system.ts';
import type { Scenario } from './scenario.ts';

/** I6, I7, I8: what the system has told, recorded and printed in all its lives. */
export async function checkRecords(scenario: Scenario): Promise<void> {
  const { system, acknowledged, violate } = scenario;
  // I6: events from the log, resumed from before the first one there is.
  const events = await allEvents(system);
  const byJob = Map.groupBy(
    events.filter((event) => event.type.startsWith('certferry.deployment.job.')),
    (event) => event.subject,
  );
  for (const id of acknowledged.jobs) {
    const own = byJob.get(id) ?? [];
    const sequences = own.map((event) => event.data.sequence);
    if (sequences.some((sequence, i) => sequence !== i + 1))
      violate('I6', `events of job ${id}: ${sequences.join(', ')}`);
    const terminal = own.filter((event) => /\.(succeeded|failed|cancelled|drifted)$/.test(event.type));
    if (terminal.length !== 1 || own.at(-1) !== terminal[0]) violate('I6', `job ${id} ended ${terminal.length} times`);
  }
  // I7: one record for each acknowledged call, and the chain verifies.
  const verified = (await call(system, 'POST', '/v1/audit/verify')).body;
  if (!verified['ok']) violate('I7', `the audit chain is broken at ${verified['broken']}`);
  const recorded = new Map<string, number>();
  for (let before: number | undefined; ;) {
    const { items } = (
      await call(system, 'GET', `/v1/audit?limit=500${before === undefined ? '' : `&before=${before}`}`)
    ).body as { items: { requestId: string; seq: number }[] };
    for (const { requestId } of items) recorded.set(requestId, (recorded.get(requestId) ?? 0) + 1);
    if (items.length < 500) break;
    before = items.at(-1)!.seq;
  }
  for (const requestId of acknowledged.requests)
    if (recorded.get(requestId) !== 1)
      violate('I7', `${recorded.get(requestId) ?? 0} audit records for request ${requestId}`);
  // I8: no secret in what was printed or stored.
  const database = join(system.dataDir, 'database');
  const stored = Buffer.concat(readdirSync(database).map((name) => readFileSync(join(database, name))));
  for (const canary of [...scenario.canaries, system.apiKey]) {
    if (system.output().includes(canary)) violate('I8', 'a secret is in the log');
    if (stored.includes(canary)) violate('I8', 'a secret is in the database');
  }
}

interface LoggedEvent {
  id: string;
  type: string;
  subject: string;
  data: { sequence: number };
}

/** Everything in the event log: an id that nobody knows begins at the oldest. */
async function allEvents(system: RunningSystem): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  const response = await fetch(`${system.url}/v1/events`, {
    headers: { 'x-api-key': system.apiKey, 'last-event-id': 'from-the-oldest' },
    signal: AbortSignal.timeout(20_000),
  });
  let text = '';
  let last = Date.now();
  const reader = response.body!.getReader();
  while (Date.now() - last < 2_000) {
    const chunk = await Promise.race([
      reader.read(),
      new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 2_000)),
    ]);
    if (!chunk?.value) break;
    last = Date.now();
    text += Buffer.from(chunk.value).toString();
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const data = block.split('\n').find((line) => line.startsWith('data: '));
      if (data) events.push(JSON.parse(data.slice(6)) as LoggedEvent);
    }
  }
  await reader.cancel();
  return events;
}
