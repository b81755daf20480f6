import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeChain, runProgram, temporaryFolder } from '@certferry/testing';
import { afterAll, beforeAll, expect, describe, test } from 'vitest';
import { parse } from 'yaml';
import { call, finalJob, startCertferry, type RunningSystem } from '../running-system.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'observability.md'), 'utf8');

describe('what can be seen of a running system', () => {
  let system: RunningSystem;
  let jobId: string;
  beforeAll(async () => {
    system = await startCertferry('standalone');
    const { leaf, intermediate, root } = await makeChain('seen.example.com');
    const contentBase64 = Buffer.from(leaf.pem + leaf.keyPem + intermediate.pem + root.pem).toString('base64');
    const imported = await call(system, 'POST', '/v1/imports', { contentBase64 });
    const certificateId = imported.body['items'].find((item: any) => item.hasPrivateKey).certificateId as string;
    const config = { fullChainPath: join(system.storesDir, 'a.pem'), keyPath: join(system.storesDir, 'a.key') };
    const { body: store } = await call(system, 'POST', '/v1/stores', { name: 'seen', kind: 'pem', config });
    const asked = { certificateId, action: 'add', targets: [{ storeId: store['id'] }] };
    jobId = (await call(system, 'POST', '/v1/deployments', asked)).body['jobs'][0].id as string;
    await finalJob(system, jobId);
  });
  afterAll(() => system.stop());
  const metrics = async () => await (await fetch(`${system.url}/metrics`)).text();

  test.skipIf(!hasProgram('promtool'))('promtool finds nothing wrong with the metrics', async () => {
    expect(await runProgram('promtool', ['check', 'metrics'], { input: await metrics() })).toBe('');
  });

  test('every metric of Certferry is in the documentation, and no other one', async () => {
    const families = [...(await metrics()).matchAll(/^# TYPE (certferry_\w+) (\w+)$/gm)];
    const documented = [...page.matchAll(/^\| `(certferry_\w+)`\s*\| (\w+)/gm)];
    const named = (found: RegExpMatchArray[]) => found.map(([, name, type]) => `${name} ${type}`).sort();
    expect(named(families)).toEqual(named(documented));
  });

  test('jobs that have ended are counted, and certificates by the days that they have left', async () => {
    const text = await metrics();
    expect(text).toContain('certferry_jobs_ended_total{kind="pem",status="succeeded",reason=""} 1\n');
    expect(text).toMatch(/^certferry_certificates\{days="90\+"\} 3$/m);
    expect(text).toMatch(/^certferry_jobs_waiting \d+$/m);
  });

  test('a job that has ended has one line in the log, as documented', () => {
    const lines = system
      .output()
      .split('\n')
      .filter((line) => line.includes('"job ended"'));
    const line = JSON.parse(lines.find((one) => one.includes(jobId))!) as Record<string, unknown>;
    expect(lines).toHaveLength(1);
    expect(line).toMatchObject({ jobId, kind: 'pem', status: 'succeeded', attempts: 1 });
    expect(line['seconds']).toBeTypeOf('number');
    for (const name of ['kind', 'status', 'attempts', 'seconds', 'storeId', 'certificateId', 'requestId', 'caller']) {
      expect(Object.keys(line)).toContain(name);
      expect(page).toContain(`\`${name}\``);
    }
  });

  test.skipIf(!hasProgram('promtool'))('the alerts of the documentation are rules', async () => {
    const [, rules] = /```yaml\n([\s\S]*?)```/.exec(page)!;
    expect(parse(rules!)).toHaveProperty('groups');
    const file = join(temporaryFolder('rules'), 'rules.yml');
    writeFileSync(file, rules!);
    expect(await runProgram('promtool', ['check', 'rules', file])).toContain('SUCCESS: 3 rules found');
  });
});
