import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deploymentV1 } from '@certferry/contracts';
import {
  freePort,
  hasProgram,
  makeChain,
  runProgram,
  startProgram,
  type RunningProgram,
  type TestCertificate,
} from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';

const { SUCCEEDED, FAILED } = deploymentV1.JobStatus;

describe.skipIf(!hasProgram('nginx'))('nginx, which reads its files when it is told to', () => {
  let service: TestDeployment;
  let nginx: RunningProgram;
  let storeId: string;
  let port: number;
  beforeAll(async () => {
    service = await startDeployment('in process');
    await service.work();
    port = await freePort();
    const config = { fullChainPath: 'web.pem', keyPath: 'web.key' };
    const { store } = await service.stores.createStore({ store: { name: 'nginx', kind: 'pem', config } });
    storeId = store!.id;
    await deploy(await makeChain('web.example.com'));
    writeFileSync(join(service.folder, 'nginx.conf'), nginxConfig());
    nginx = await startProgram('nginx', [...given(), '-g', 'daemon off;'], { ready: /start worker process \d+/ });
    const items = [{ address: `127.0.0.1:${port}`, serverName: 'web.example.com' }];
    await service.stores.updateStore({ id: storeId, endpoints: { items, graceSeconds: 1, attempts: 3 } });
  });
  afterAll(async () => {
    await nginx.stop('SIGTERM');
    await service.stop();
  });
  const given = () => ['-p', service.folder, '-c', join(service.folder, 'nginx.conf'), '-e', 'stderr'];

  function nginxConfig(): string {
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path tmp-${one};`);
    const tls = 'ssl_certificate web.pem; ssl_certificate_key web.key;';
    return `pid nginx.pid; error_log stderr notice; worker_processes 1; events {}
http { access_log off; ${paths.join(' ')} server { listen 127.0.0.1:${port} ssl; server_name web.example.com; ${tls} } }
`;
  }

  async function deploy({ leaf, intermediate, root }: Record<'leaf' | 'intermediate' | 'root', TestCertificate>) {
    const certificateId = service.inventory.add(leaf, { chain: [intermediate, root] });
    const { jobs } = await service.deployments.createDeployment({
      ...{ certificateId, action: deploymentV1.DeploymentAction.ADD },
      targets: [{ storeId, overwrite: true }],
    });
    return await wait(jobs![0]!.id);
  }
  const wait = async (id: string) => (await service.jobs.waitForJob({ id, seconds: 20 })).job!;

  test(
    'a renewal that it has not loaded is not served; once it has, a retry succeeds',
    { timeout: 60_000 },
    async () => {
      const renewed = await makeChain('web.example.com');
      const failed = await deploy(renewed);
      expect(failed).toMatchObject({ status: FAILED, error: { reason: 'NOT_SERVED' }, look: [{ ok: false }] });
      await runProgram('nginx', [...given(), '-s', 'reload']);
      await service.jobs.retryJob({ id: failed.id });
      const done = await wait(failed.id);
      expect(done).toMatchObject({
        status: SUCCEEDED,
        look: [{ ok: true, fingerprintSha256: done.fingerprintSha256 }],
      });
    },
  );
});
