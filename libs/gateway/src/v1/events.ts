import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { GatewayContext } from '../gateway-context.ts';

const POLL_MS = 500;
const HEARTBEAT_MS = 15_000;
const PAGE = 200;

/** CloudEvents as server-sent events. Without Last-Event-ID from now on; with it from the event after that one. */
export function eventRoutes(base: FastifyInstance, { events }: GatewayContext): void {
  const app = base.withTypeProvider<ZodTypeProvider>();
  const stopping = new AbortController();
  app.addHook('preClose', () => Promise.resolve(stopping.abort()));
  const querystring = z.object({
    types: z
      .string()
      .max(1_000)
      .optional()
      .describe('Beginnings of types, separated by commas: certferry.deployment.job'),
    lastEventId: z.string().max(100).optional().describe('As the header Last-Event-ID'),
  });

  app.get(
    '/events',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['events'],
        summary: 'Listen to events (server-sent events); resumes with Last-Event-ID',
        querystring,
      },
    },
    async (request, reply) => {
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
  );
}
