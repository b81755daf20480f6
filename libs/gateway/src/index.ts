import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { join } from 'node:path';
import { AppError } from '@certferry/core';
import { defineService, inDataDir } from '@certferry/runtime';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { createApp } from './app.ts';
import { createGatewayContext } from './gateway-context.ts';
import { openServerTls, renewServerTls, tlsNames } from './security/server-tls.ts';

const port = z.coerce.number().int().min(0).max(65_535);

const config = z.strictObject({
  host: z.string().default('127.0.0.1'),
  httpPort: port.default(8080),
  httpsPort: port.default(8443),
  /** The first administrator's key; else one is made and kept in `<data folder>/admin-api-key`. */
  bootstrapApiKey: z.string().optional(),
  /** The folder that imports by file path may read; none: refused. */
  filesRoot: z.string().optional(),
  /** PEM of the HTTPS certificate (its issuers after it) and of its key; none: the product makes its own. */
  tlsCert: z.string().optional(),
  tlsKey: z.string().optional(),
  /** What the product's own certificate is for, besides this machine. */
  tlsNames: tlsNames.default([]),
});

const HOUR_MS = 3_600_000;

/** REST in front of the services. */
export const gateway = defineService({
  name: 'gateway',
  needs: ['database', 'events', 'secrets'],
  config,
  create: async (platform, settings) => {
    const { clock, database, logger } = platform;
    const context = createGatewayContext(platform, settings.filesRoot);
    const prune = () => {
      Promise.all([context.events.prune(), context.idempotency.prune()]).catch((error: unknown) =>
        logger.warn({ err: error }, 'could not prune'),
      );
    };
    // Before any relay begins: in memory, an event that nobody listens to is gone.
    await platform.events.subscribe({ name: 'gateway-event-log', handler: (event) => context.events.add(event) });
    const tlsFolder = inDataDir(platform.config, 'tls');
    const openTls = () => openServerTls(settings, { folder: tlsFolder, now: clock.now() });
    let app: FastifyInstance | undefined;
    let servers: Server[] = [];
    let hourly: NodeJS.Timeout | undefined;
    return {
      services: [],
      begin: async () => {
        if (database.exclusive) await context.idempotency.freeRunning();
        const path = await context.apiKeys.bootstrap(
          settings.bootstrapApiKey,
          inDataDir(platform.config, 'admin-api-key'),
        );
        if (path) logger.info({ path }, 'made the administrator’s API key; it is in this file');
        app = await createApp(context);
        const { http: plain, https: secure } = await listen(app, settings, await openTls());
        servers = [plain, secure];
        const [http, https] = servers.map((server) => (server.address() as { port: number }).port);
        logger.info(
          {
            http: `http://${settings.host}:${http}`,
            https: `https://${settings.host}:${https}`,
            ...(!settings.tlsCert && { ca: join(tlsFolder, 'ca.crt') }),
          },
          'ready',
        );
        hourly = setInterval(() => {
          prune();
          renewServerTls(secure, openTls).catch((error: unknown) =>
            logger.warn({ err: error }, 'the HTTPS certificate stays as it is'),
          );
        }, HOUR_MS);
      },
      stop: async () => {
        clearInterval(hourly);
        await Promise.all(servers.map(closeServer));
        await app?.close();
      },
    };
  },
});

async function listen(
  app: FastifyInstance,
  settings: z.infer<typeof config>,
  { cert, key }: { cert: string; key: string },
): Promise<{ http: Server; https: HttpsServer }> {
  const handle = (request: IncomingMessage, response: ServerResponse) => app.routing(request, response);
  const http = createHttpServer({ requestTimeout: 60_000 }, handle);
  const https = createHttpsServer({ cert, key, minVersion: 'TLSv1.2', requestTimeout: 60_000 }, handle);
  await open(http, settings.host, settings.httpPort);
  await open(https, settings.host, settings.httpsPort);
  return { http, https };
}

function open(server: Server, host: string, on: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const message = `Cannot listen on ${host}:${on} (${cause.code}); choose other ports with CERTFERRY_HTTP_PORT and CERTFERRY_HTTPS_PORT.`;
      reject(new AppError({ code: 'FAILED_PRECONDITION', reason: 'CANNOT_LISTEN', message, cause }));
    });
    server.listen(on, host, resolve);
  });
}

/** Takes no more connections, lets running requests end, and does not wait for those that never do (event streams). */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 5_000).unref();
  });
}
