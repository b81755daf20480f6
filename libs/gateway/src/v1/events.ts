import { once } from 'node:events';
import type { eventOperations } from '@certferry/rest';
import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import type { Routes } from './route.ts';

const POLL_MS = 500;
const HEARTBEAT_MS = 15_000;
const PAGE = 200;

/** CloudEvents as server-sent events. Without Last-Event-ID from now on; with it from the event after that one. */
export function eventRoutes({ events }: GatewayContext, app: FastifyInstance): Routes<typeof eventOperations> {
  const stopping = new AbortController();
  app.addHook('preClose', () => Promise.resolve(stopping.abort()));
  return {
    listenToEvents: {
      scope: 'read',
      handler: async (request, reply) => {
        const header = request.headers['last-event-id'];
        const since = typeof header === 'string' ? header : request.query.lastEventId;
        // An event that is no longer kept: from the oldest that is, so that nothing is passed over.
        let position = since ? ((await events.find(since)) ?? 0) : await events.last();
        const beginnings = request.query.types?.split(',').filter(Boolean) ?? [''];
        reply.hijack();
        const { raw } = reply;
        raw.writeHead(200, {
          'content-type': 'text/event-stream',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
          'x-request-id': request.id,
        });
        raw.write(': listening\n\n');
        const gone = new AbortController();
        raw.on('close', () => gone.abort());
        const signal = AbortSignal.any([gone.signal, stopping.signal]);
        for (let beat = Date.now(); !signal.aborted;) {
          const found = await events.after(position, PAGE);
          for (const { seq, eventId, type, event } of found) {
            position = seq;
            if (!beginnings.some((beginning) => type.startsWith(beginning))) continue;
            if (!raw.write(`id: ${eventId}\nevent: ${type}\ndata: ${JSON.stringify(event)}\n\n`))
              await once(raw, 'drain', { signal }).catch(() => undefined);
          }
          if (found.length === PAGE) continue;
          if (Date.now() - beat > HEARTBEAT_MS) {
            raw.write(': still here\n\n');
            beat = Date.now();
          }
          await events.wait(POLL_MS, signal);
        }
        raw.end();
      },
    },
  };
}
