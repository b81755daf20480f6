import { makeCertificate } from '@certferry/testing';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { startInventory } from '../testing/start-inventory.ts';
import { ExpiryMetrics } from './expiry-metrics.ts';

const DAY_MS = 86_400_000;
const counts = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(/^certferry_certificates\{days="(.+)"\} (\d+)$/gm)].map(([, days, n]) => [days, Number(n)]),
  );

test('certificates are counted by the days that they have left', async () => {
  const inventory = await startInventory('in process');
  const now = inventory.clock.now().getTime();
  const made = await Promise.all(
    [-300, -1, 0, 6, 8, 29, 31, 61, 89, 91, 4_000].map((days) =>
      makeCertificate({ commonName: `in ${days}`, notAfter: new Date(now + days * DAY_MS) }),
    ),
  );
  await inventory.take(...made.map(({ pem }) => pem));
  const expected = { expired: 2, '0-7': 2, '7-30': 2, '30-60': 1, '60-90': 2, '90+': 2 };
  expect(counts(await inventory.metrics.metrics())).toEqual(expected);
  await inventory.stop();
});

test('only the first scrape waits; a count that failed is made again', async () => {
  const registry = new Registry();
  const fakes: (() => Promise<number>)[] = [() => Promise.reject(new Error('away'))];
  const certificates = {
    countEnding: () => (fakes.shift() ?? (() => Promise.resolve(1)))(),
    count: () => Promise.resolve(7),
  };
  new ExpiryMetrics(registry, certificates, { now: () => new Date() });
  await expect(registry.metrics()).rejects.toThrow('away');
  expect(counts(await registry.metrics())).toMatchObject({ expired: 1, '90+': 2 });
  // Another count would be in order only after its rest.
  fakes.push(() => Promise.reject(new Error('not again')));
  expect(counts(await registry.metrics())).toMatchObject({ '90+': 2 });
  expect(fakes).toHaveLength(1);
});
