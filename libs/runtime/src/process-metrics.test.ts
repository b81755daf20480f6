import { freePort, hasProgram, runProgram } from '@certferry/testing';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { collectProcessMetrics } from './process-metrics.ts';
import { serveMetrics } from './serve-metrics.ts';

test.skipIf(!hasProgram('promtool'))('promtool finds nothing wrong with what a process tells of itself', async () => {
  const metrics = new Registry();
  collectProcessMetrics(metrics);
  const text = await metrics.metrics();
  expect(text).toContain('process_cpu_seconds_total');
  expect(await runProgram('promtool', ['check', 'metrics'], { input: text })).toBe('');
});

test('a process without the gateway serves its metrics, and nothing else', async () => {
  const metrics = new Registry();
  collectProcessMetrics(metrics);
  const address = `127.0.0.1:${await freePort()}`;
  const stop = await serveMetrics(metrics, address);
  const answer = await fetch(`http://${address}/metrics`);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(await answer.text()).toContain('nodejs_heap_size_used_bytes');
  expect((await fetch(`http://${address}/healthz`)).status).toBe(404);
  await expect(serveMetrics(metrics, address)).rejects.toMatchObject({ reason: 'CANNOT_LISTEN' });
  await stop();
});
