import { makeCertificate } from '@certferry/testing';
import { call, finalJob, startCertferry } from '../test/running-system.ts';
import { percentile, printTable } from './table.ts';

const CALLERS = 8;
const IMPORTS = 1_000;
const DEPLOYMENTS = 200;

/** The standalone over HTTP: import requests with key, and the time from POST /v1/deployments to the file in place. */
export async function benchSystem(): Promise<void> {
  const begin = performance.now();
  const system = await startCertferry('standalone');
  const first = performance.now() - begin;
  await system.stop();
  const again = performance.now();
  await system.restart();
  const restart = performance.now() - again;
  const bodies = await Promise.all(
    Array.from({ length: IMPORTS }, async (_, i) => {
      const leaf = await makeCertificate({ commonName: `bench-${i}.example.com` });
      return { contentBase64: Buffer.from(leaf.keyPem + leaf.pem).toString('base64') };
    }),
  );
  const times: number[] = [];
  const ids: string[] = [];
  const start = performance.now();
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      for (let body = bodies.pop(); body; body = bodies.pop()) {
        const from = performance.now();
        const answer = await call(system, 'POST', '/v1/imports', body);
        times.push(performance.now() - from);
        ids.push(answer.body['items'][0].certificateId as string);
      }
    }),
  );
  const perSecond = (IMPORTS * 1000) / (performance.now() - start);
  const store = await call(system, 'POST', '/v1/stores', {
    name: 'bench',
    kind: 'pem',
    config: { fullChainPath: 'bench.pem', keyPath: 'bench.key' },
    policy: { names: 'allow' },
  });
  const waits: number[] = [];
  for (let i = 0; i < DEPLOYMENTS; i++) {
    const from = performance.now();
    const { body } = await call(system, 'POST', '/v1/deployments', {
      certificateId: ids[i],
      action: 'add',
      targets: [{ storeId: store.body['id'], overwrite: true }],
    });
    const job = await finalJob(system, body['jobs'][0].id as string);
    const done = (job['timeline'] as { step: string; at: string }[]).find((entry) => entry.step === 'written')!;
    waits.push(new Date(done.at).getTime() - (performance.timeOrigin + from));
  }
  await system.stop();
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  printTable(
    'From the start of the process to ready',
    ['', 'first start', 'restart'],
    [['standalone', ms(first), ms(restart)]],
  );
  printTable(
    `Import of a PEM certificate with its key, ${CALLERS} callers`,
    ['', 'requests/s', 'p50', 'p99'],
    [['POST /v1/imports', perSecond, ms(percentile(times, 50)), ms(percentile(times, 99))]],
  );
  printTable(
    'Deployment to two PEM files, one after another',
    ['', 'p50', 'p99'],
    [['POST /v1/deployments until written', ms(percentile(waits, 50)), ms(percentile(waits, 99))]],
  );
}
