import type { Client } from './client.ts';
import type { Event } from './events.ts';
import { Problem } from './problem.ts';

const RECONNECT_MS = 1_000;

/** The events of a response that is a stream of server-sent events, as they come; ends when it ends. */
export async function* readEventStream(response: Response): AsyncGenerator<Event> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const messages = (rest + value).split('\n\n');
      rest = messages.pop()!;
      for (const message of messages) {
        const data = message.split('\n').find((line) => line.startsWith('data: '));
        // The boundary: what the server wrote as an event.
        if (data) yield JSON.parse(data.slice(6)) as Event;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/**
 * Events as they happen, over lost connections: after one it goes on behind the last event that it had. Throws what the
 * first connection throws, and any Problem that a later one is answered with and that another try cannot mend (4xx).
 */
export async function* followEvents(
  client: Pick<Client, 'listenToEvents'>,
  options: { types?: string; lastEventId?: string; signal?: AbortSignal; reconnectMs?: number } = {},
): AsyncGenerator<Event> {
  const { types, signal, reconnectMs = RECONNECT_MS } = options;
  let last = options.lastEventId;
  let connected = false;
  while (!signal?.aborted) {
    try {
      const headers: Record<string, string> = last ? { 'last-event-id': last } : {};
      const events = await client.listenToEvents({ query: { types }, headers, signal });
      connected = true;
      for await (const event of events) {
        last = event.id;
        yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (!connected || (error instanceof Problem && error.status < 500 && error.status !== 429)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, reconnectMs));
  }
}
