import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deploymentV1 } from '@certferry/contracts';
import {
  freePort,
  hasProgram,
  makeChain,
  startProgram,
  temporaryFolder,
  type RunningProgram,
} from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';

const { SUCCEEDED, FAILED } = deploymentV1.JobStatus;

/** A real server, how it is started, and what of its preset the server's configuration fixes. */
interface Served {
  preset: string;
  program: string;
  parameters: (home: string) => Record<string, string>;
  /** What the configuration is; `store` has web.pem and web.key, or both.pem. */
  config: (home: string, at: { store: string; port: number }) => string;
  start: (home: string) => string[];
  ready: RegExp;
  store: Record<string, string>;
  /** What it says of the line "nonsense here;". */
  complaint: RegExp;
}

const FILES = { fullChainPath: 'web.pem', keyPath: 'web.key' };
const conf = (home: string) => join(home, 'server.conf');

const SERVERS: Served[] = [
  {
    ...{ preset: 'nginx', program: 'nginx', store: FILES },
    parameters: (home) => ({ binary: '/usr/sbin/nginx', config: conf(home) }),
    config: (home, { store, port }) => {
      const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
      const temporary = kinds.map((one) => `${one}_temp_path ${home}/tmp-${one};`).join(' ');
      const tls = `ssl_certificate ${store}/web.pem; ssl_certificate_key ${store}/web.key;`;
      return `pid ${home}/nginx.pid; error_log stderr notice; worker_processes 1; events {}
http { access_log off; ${temporary} server { listen 127.0.0.1:${port} ssl; ${tls} } }
`;
    },
    start: (home) => ['-c', conf(home), '-e', 'stderr', '-g', 'daemon off;'],
    ready: /start worker process \d+/,
    complaint: /unknown directive "nonsense"/,
  },
  {
    ...{ preset: 'haproxy', program: 'haproxy', store: { combinedPath: 'both.pem' } },
    parameters: (home) => ({ binary: '/usr/sbin/haproxy', config: conf(home), pidFile: join(home, 'haproxy.pid') }),
    config: (_, { store, port }) => `global
  log stderr local0
defaults
  mode http
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:${port} ssl crt ${store}/both.pem
  http-request return status 200
`,
    start: (home) => ['-W', '-f', conf(home), '-p', join(home, 'haproxy.pid')],
    ready: /Loading success/,
    complaint: /unknown keyword 'nonsense'/,
  },
  {
    ...{ preset: 'apache2', program: 'apache2', store: FILES },
    parameters: (home) => ({ binary: '/usr/sbin/apache2', config: conf(home) }),
    config: (home, { store, port }) => `ServerRoot ${home}
PidFile ${home}/apache.pid
DefaultRuntimeDir ${home}
ServerName localhost
ErrorLog "|$cat >&2"
LogLevel notice
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
User www-data
Group www-data
Listen 127.0.0.1:${port}
SSLEngine on
SSLCertificateFile ${store}/web.pem
SSLCertificateKeyFile ${store}/web.key
`,
    start: (home) => ['-f', conf(home), '-D', 'FOREGROUND'],
    ready: /resuming normal operations/,
    complaint: /Invalid command 'nonsense'/,
  },
];

describe.each(SERVERS)('the preset $preset with the real server', (server) => {
  const { preset, program, parameters, start, ready, store: config, complaint } = server;
  if (!hasProgram(program)) {
    test.skip(`${program} is not installed: its preset is not tried`);
    return;
  }
  let service: TestDeployment;
  let running: RunningProgram;
  let storeId: string;
  const home = temporaryFolder(preset);
  const files = () => Object.values(config).map((name) => readFileSync(join(service.folder, name), 'utf8'));

  beforeAll(async () => {
    const limits = { timeoutSeconds: 30, maxOutputBytes: 4_096, env: {} };
    service = await startDeployment('in process', {
      hookPresets: [{ preset, parameters: parameters(home), ...limits }],
    });
    await service.work();
    storeId = (await service.stores.createStore({ store: { name: preset, kind: 'pem', config } })).store!.id;
    expect(await deploy()).toMatchObject({ status: SUCCEEDED });
    const port = await freePort();
    writeFileSync(conf(home), server.config(home, { store: service.folder, port }));
    running = await startProgram(program, start(home), { ready });
    // The look at what is served is what proves that it was loaded.
    const items = [{ address: `127.0.0.1:${port}`, serverName: 'hooks.example.com' }];
    const endpoints = { items, graceSeconds: 10, attempts: 20 };
    await service.stores.updateStore({ id: storeId, endpoints, hooks: { after: [{ hook: preset }] } });
  }, 60_000);
  afterAll(async () => {
    await running?.stop('SIGTERM');
    await service.stop();
  });

  async function deploy() {
    const { leaf, intermediate, root } = await makeChain('hooks.example.com');
    const certificateId = service.inventory.add(leaf, { chain: [intermediate, root] });
    const { jobs } = await service.deployments.createDeployment({
      ...{ certificateId, action: deploymentV1.DeploymentAction.ADD },
      targets: [{ storeId, overwrite: true }],
    });
    return (await service.jobs.waitForJob({ id: jobs[0]!.id, seconds: 25 })).job!;
  }

  test('a renewal is loaded', { timeout: 60_000 }, async () => {
    const done = await deploy();
    expect(done).toMatchObject({ status: SUCCEEDED, look: [{ ok: true }] });
    expect(done.hookRuns.map(({ step, exitCode }) => [step, exitCode])).toEqual([
      ['test', 0],
      ['reload', 0],
    ]);
  });

  test(
    'with a broken configuration the old certificate is back, and goes on being served',
    { timeout: 60_000 },
    async () => {
      const before = files();
      const whole = readFileSync(conf(home), 'utf8');
      appendFileSync(conf(home), 'nonsense here;\n');
      const failed = await deploy();
      expect(failed).toMatchObject({ status: FAILED, error: { reason: 'HOOK_FAILED' }, rolledBack: { ok: true } });
      expect(failed.error!.message).toMatch(complaint);
      expect(failed.hookRuns.map(({ step }) => step)).toEqual(['test']);
      expect(files()).toEqual(before);
      writeFileSync(conf(home), whole);
    },
  );
});
