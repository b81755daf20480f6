import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorStatuses, OPERATIONS, type Operation } from '@certferry/rest';
import {
  databaseUrl,
  freePort,
  startProgram,
  temporaryFolder,
  type RunningProgram,
  type SharedServer,
} from '@certferry/testing';

/** Certferry as it is installed: real processes, reached over HTTP only. */
export interface RunningSystem {
  url: string;
  httpsUrl: string;
  apiKey: string;
  dataDir: string;
  storesDir: string;
  filesDir: string;
  environment: NodeJS.ProcessEnv;
  /** Everything that the processes printed. */
  output: () => string;
  processes: RunningProgram[];
  /** Starts it again on the same data. */
  restart(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Whose processes: one standalone, or the four services. */
export type Shape = 'standalone' | 'four processes';

export async function startCertferry(
  shape: Shape,
  options: { mongodb?: SharedServer; nats?: SharedServer; dataDir?: string; settings?: NodeJS.ProcessEnv } = {},
): Promise<RunningSystem> {
  const dataDir = options.dataDir ?? temporaryFolder('data');
  const [storesDir, filesDir] = [join(dataDir, 'test-stores'), join(dataDir, 'test-files')];
  for (const folder of [storesDir, filesDir]) mkdirSync(folder, { recursive: true });
  const [http, https] = [await freePort(), await freePort()];
  const environment: NodeJS.ProcessEnv = {
    CERTFERRY_DATA_DIR: dataDir,
    CERTFERRY_STORE_ROOTS: storesDir,
    CERTFERRY_FILES_ROOT: filesDir,
    CERTFERRY_HTTP_PORT: String(http),
    CERTFERRY_HTTPS_PORT: String(https),
    CERTFERRY_LOG_LEVEL: 'debug',
    ...options.settings,
  };
  if (shape === 'four processes') {
    const kek = join(dataDir, 'kek');
    writeFileSync(kek, randomBytes(32).toString('base64'), { mode: 0o600 });
    Object.assign(environment, {
      CERTFERRY_KEK_FILE: kek,
      CERTFERRY_DATABASE_URL: databaseUrl(options.mongodb!, `e2e-${randomUUID()}`),
      CERTFERRY_NATS_URL: options.nats!.url,
    });
    for (const name of ['PARSER', 'INVENTORY', 'DEPLOYMENT'])
      environment[`CERTFERRY_${name}_ADDRESS`] = `127.0.0.1:${await freePort()}`;
  }
  const apps = shape === 'standalone' ? ['standalone'] : ['parser', 'inventory', 'deployment', 'gateway'];
  let output = '';
  const system: RunningSystem = {
    url: `http://127.0.0.1:${http}`,
    httpsUrl: `https://127.0.0.1:${https}`,
    apiKey: '',
    dataDir,
    storesDir,
    filesDir,
    environment,
    output: () => output,
    processes: [],
    async restart() {
      system.processes = await Promise.all(apps.map((app) => startApp(app, environment, (text) => (output += text))));
      await untilReady(system.url);
      system.apiKey = readFileSync(join(dataDir, 'admin-api-key'), 'utf8').trim();
    },
    async stop(signal = 'SIGTERM') {
      await Promise.all(system.processes.map((one) => one.stop(signal)));
    },
  };
  await system.restart();
  return system;
}

async function startApp(
  app: string,
  environment: NodeJS.ProcessEnv,
  onOutput: (text: string) => void,
): Promise<RunningProgram> {
  const hasHttp = app === 'standalone' || app === 'gateway';
  const main = join(import.meta.dirname, '..', 'apps', app, 'src', 'main.ts');
  return await startProgram(process.execPath, [main], {
    env: environment,
    cwd: join(import.meta.dirname, '..'),
    ready: hasHttp ? /"msg":"ready"/ : /"msg":"serving"/,
    onOutput,
  });
}

async function untilReady(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} did not get ready`);
}

/** A call to the REST API; the body parsed, whatever the status. */
export async function call(
  system: Pick<RunningSystem, 'url' | 'apiKey'>,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const isForm = body instanceof FormData;
  const response = await fetch(system.url + path, {
    method,
    headers: {
      'x-api-key': system.apiKey,
      ...(body !== undefined && !isForm && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : isForm ? body : JSON.stringify(body),
  });
  expectDescribed(method, path, response.status);
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : text) as never as Record<string, any>,
  };
}

/** Every answer of our own API has a status that its description names. */
function expectDescribed(method: string, path: string, status: number): void {
  const [called = ''] = path.split('?');
  const matches = Object.values<Operation>(OPERATIONS).filter(
    (one) => one.method === method && new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(called),
  );
  const operation = matches.find((one) => one.path === called) ?? matches[0];
  if (!operation) return;
  const statuses = [...Object.keys(operation.answers).map(Number), ...errorStatuses(operation)];
  if (!statuses.includes(status)) throw new Error(`${method} ${path} answers ${status}, which is not described.`);
}

/** Waits until a job is final. */
export async function finalJob(system: Pick<RunningSystem, 'url' | 'apiKey'>, id: string) {
  for (let tries = 0; tries < 300; tries++) {
    const { body } = await call(system, 'GET', `/v1/jobs/${id}`);
    if (['succeeded', 'failed', 'cancelled', 'drifted'].includes(body['status'] as string)) return body;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`job ${id} did not end`);
}
