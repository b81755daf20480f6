import type { FastifyInstance } from 'fastify';
import { Histogram } from 'prom-client';
import type { GatewayContext } from '../gateway-context.ts';

/** Every answer has its request id, a line in the log and a place in the metrics. */
export function logRequests(app: FastifyInstance, { platform }: GatewayContext): void {
  const duration = new Histogram({
    name: 'certferry_http_request_duration_seconds',
    help: 'Duration of HTTP requests by route.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [platform.metrics],
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { method, id: requestId, failure, apiKey } = request;
    const route = request.routeOptions.url ?? 'none';
    const { statusCode: status, elapsedTime } = reply;
    duration.observe({ method, route, status }, elapsedTime / 1000);
    const milliseconds = Math.round(elapsedTime);
    const line = { requestId, method, route, status, milliseconds, caller: apiKey?._id };
    platform.logger.info({ ...line, ...(failure && { reason: failure.reason }) }, 'request');
    done();
  });
}
