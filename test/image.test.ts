import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { deployment } from '@certferry/deployment';
import { gateway } from '@certferry/gateway';
import { inventory } from '@certferry/inventory';
import { parser } from '@certferry/parser';
import { ENVIRONMENT } from '@certferry/runtime';
import { freePort, startProgram, temporaryFolder } from '@certferry/testing';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

// What can be said of the image and of compose without Docker.

interface ComposeService {
  build?: string;
  image?: string;
  command?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
}

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const compose = parse(text, { merge: true }) as {
  services: Record<string, ComposeService>;
  volumes: Record<string, null>;
  configs: Record<string, { content: string }>;
};
const ours = [parser, inventory, deployment, gateway];
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');

test.each(ours)('compose gives $name what it needs, and nothing else', ({ name, needs }) => {
  const { environment = {}, volumes = [], command, depends_on: waitsFor = {} } = compose.services[name]!;
  expect(command).toEqual(['node', `apps/${name}/src/main.ts`]);
  expect(Object.keys(environment).filter((one) => one !== 'CERTFERRY_CONFIG' && !(one in ENVIRONMENT))).toEqual([]);
  expect('CERTFERRY_KEK_FILE' in environment).toBe(needs.includes('secrets'));
  expect(volumes.some((one) => one.startsWith('kek:'))).toBe(needs.includes('secrets'));
  expect('CERTFERRY_DATABASE_URL' in environment).toBe(needs.includes('database'));
  expect('CERTFERRY_NATS_URL' in environment).toBe(needs.includes('events'));
  expect(waitsFor['mongodb']).toEqual(needs.includes('database') ? { condition: 'service_healthy' } : undefined);
  expect(waitsFor['nats']).toEqual(needs.includes('events') ? { condition: 'service_healthy' } : undefined);
});

test('every service of compose says its health, and what it mounts and waits for is there', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    const ofImage = service.build !== undefined && dockerfile.includes('HEALTHCHECK');
    if (name !== 'internal') expect([name, service.healthcheck?.test !== undefined || ofImage]).toEqual([name, true]);
    for (const volume of service.volumes ?? []) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {}))
      expect([other, condition]).toEqual([
        other,
        other === 'internal' ? 'service_completed_successfully' : 'service_healthy',
      ]);
  }
});

test('MongoDB and NATS of compose ask for a password that is not in the file', () => {
  expect(compose.services['mongodb']!.environment!['MONGO_INITDB_ROOT_PASSWORD']).toBe('${MONGODB_PASSWORD:?}');
  expect(compose.configs['nats']!.content).toContain('password: "${NATS_PASSWORD:?}"');
  expect(compose.services['mongodb']!.command).toEqual(expect.arrayContaining(['--replSet', '--keyFile']));
});

test('the image has one Node, no root, and listens where Docker publishes', () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  expect(last).toMatch(/^\nFROM debian:/);
  expect(last).toContain('USER certferry');
  expect(last).toContain('CERTFERRY_HOST=0.0.0.0');
  expect(last).toContain('/certferry/node_modules/node/bin:');
});

/** Whether .dockerignore lets a file in: the last pattern that fits decides. */
function isInContext(path: string): boolean {
  let inside = true;
  for (const line of readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').filter(Boolean)) {
    const pattern = line.replace('!', '');
    const expression = pattern
      .replaceAll('.', '\\.')
      .replaceAll('**/', '\u0000')
      .replaceAll('*', '[^/]*')
      .replaceAll('\u0000', '(.*/)?');
    if (new RegExp(`^${expression}(/|$)`).test(path)) inside = line.startsWith('!');
  }
  return inside;
}

test('what the image has of the tree is enough to start, and holds no test', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder('image');
  const copied: string[] = [];
  for (const name of ['package.json', 'apps', 'libs', 'config'])
    cpSync(join(root, name), join(folder, name), {
      recursive: true,
      filter: (source) => {
        const path = relative(root, source);
        const inside = isInContext(path) && !path.startsWith('libs/testing');
        if (inside) copied.push(path);
        return inside;
      },
    });
  expect(copied).toContain('libs/gateway/src/index.ts');
  expect(copied.filter((path) => /test|conformance|fixture/.test(path))).toEqual([]);
  mkdirSync(join(folder, 'node_modules/@certferry'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules')).filter((one) => one !== '@certferry'))
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  for (const name of readdirSync(join(folder, 'libs')))
    symlinkSync(join(folder, 'libs', name), join(folder, 'node_modules/@certferry', name));
  const port = await freePort();
  const settings = [`CERTFERRY_HTTP_PORT=${port}`, `CERTFERRY_HTTPS_PORT=${await freePort()}`];
  const running = await startProgram(
    'env',
    ['-i', `CERTFERRY_DATA_DIR=${join(folder, 'data')}`, ...settings, process.execPath, 'apps/standalone/src/main.ts'],
    { cwd: folder, ready: /"msg":"ready"/ },
  );
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  await running.stop();
});
