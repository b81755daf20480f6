import type { EventBus } from '../event-bus.ts';

/** Loads NATS and opens the bus: most processes that know both buses need only the one in memory. */
export async function openJetStreamBus(url: string): Promise<EventBus> {
  const bus = await import('./jetstream-bus.ts');
  return await bus.openJetStreamBus(url);
}
