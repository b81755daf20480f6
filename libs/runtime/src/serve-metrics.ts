import { once } from 'node:events';
import { createServer } from 'node:http';
import { AppError } from '@certferry/core';
import type { Registry } from 'prom-client';

/**
 * Serves `/metrics` alone, without a key, at host:port: for processes without the gateway. Answers what stops it.
 * FAILED_PRECONDITION CANNOT_LISTEN.
 */
export async function serveMetrics(metrics: Registry, address: string): Promise<() => Promise<void>> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') return void response.writeHead(404).end();
    metrics.metrics().then(
      (text) => response.setHeader('content-type', metrics.contentType).end(text),
      () => response.writeHead(500).end(),
    );
  });
  const at = address.lastIndexOf(':');
  try {
    await once(server.listen(Number(address.slice(at + 1)), address.slice(0, at)), 'listening');
  } catch (cause) {
    const message = `CERTFERRY_METRICS_ADDRESS: nothing can listen at ${address} (${(cause as NodeJS.ErrnoException).code}).`;
    throw new AppError({ code: 'FAILED_PRECONDITION', reason: 'CANNOT_LISTEN', message, cause });
  }
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
}
