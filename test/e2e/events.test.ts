import { execFile } from 'node:child_process';
import { globSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventsV1 } from '@certferry/contracts';
import { event as eventSchema, followEvents, jobStatus, createClient, type Event } from '@certferry/rest';
import {
  findProgram,
  freePort,
  hasProgram,
  makeCertificate,
  startNatsServer,
  startProgram,
  temporaryFolder,
  type RunningProgram,
} from '@certferry/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { shellBlocks } from './shell-blocks.ts';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'events.md'), 'utf8');

function hasNatsCommand(): boolean {
  if (findProgram('nats')) return true;
  console.warn('not run: the nats command is not on PATH');
  return false;
}

/** Of each kind of event: the words that its types end in, and the fields of its data, as the documentation has them. */
const documented = new Map(
  [...page.matchAll(/^### `(certferry\.\w+\.\w+)\.<\w+>`\n\n(.*)\n([\s\S]*?)(?=^#)/gm)].map(
    ([, kind, words, table]) => {
      const codes = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, word]) => word!);
      return [kind!, { words: codes(words!), fields: codes(table!.replaceAll(/^(\| `\w+`).*$/gm, '$1')) }];
    },
  ),
);

describe('docs/events.md', () => {
  test('has every kind of event that is made anywhere', () => {
    const sources = globSync('libs/*/src/**/*.ts', { cwd: root }).filter(
      (path) => !/\.(test|conformance)\.ts$/.test(path),
    );
    const made = sources.flatMap((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      return [...text.matchAll(/createEvent\(\{ type: [`'](certferry\.\w+\.\w+)\./g)].map(([, kind]) => kind!);
    });
    expect([...documented.keys()].sort()).toEqual([...new Set(made)].sort());
  });

  test('has the data of each, as its contract and its schema do', () => {
    const keys = (message: object) => Object.keys(message).sort();
    const contract = {
      'certferry.deployment.job': eventsV1.JobStatusChanged,
      'certferry.inventory.certificate': eventsV1.CertificateChanged,
      'certferry.inventory.import': eventsV1.BulkImportChanged,
    };
    const schemas = eventSchema.shape.data.options.map(({ shape }) => keys(shape));
    for (const [kind, message] of Object.entries(contract)) {
      const { fields } = documented.get(kind)!;
      expect(fields.toSorted()).toEqual(keys(message.fromPartial({})));
      expect(schemas).toContainEqual(fields.toSorted());
    }
    expect(documented.size).toBe(Object.keys(contract).length);
  });

  test('has the words of each', () => {
    expect(documented.get('certferry.deployment.job')!.words).toEqual(jobStatus.options);
    expect(documented.get('certferry.inventory.certificate')!.words).toEqual(['created', 'updated', 'deleted']);
    const imports = eventSchema.shape.data.options[2].shape.status.options;
    expect(documented.get('certferry.inventory.import')!.words).toEqual(imports);
  });
});

describe.skipIf(!hasProgram('nats-server'))('events by NATS', () => {
  let system: RunningSystem;
  let port: number;
  let broker: RunningProgram;
  let folder: string;
  const startBroker = async () => (broker = await startNatsServer({ port, folder: temporaryFolder('nats') }));
  beforeAll(async () => {
    port = await freePort();
    await startBroker();
    folder = temporaryFolder('subscriber');
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'subscribe.ts'), /```ts\n([\s\S]*?)```/.exec(page)![1]!);
    system = await startCertferry('standalone', { settings: { CERTFERRY_NATS_URL: `nats://127.0.0.1:${port}` } });
  });
  afterAll(async () => {
    await system.stop();
    await broker.stop();
  });

  let subscriber: RunningProgram | undefined;
  afterEach(async () => {
    await subscriber?.stop();
    subscriber = undefined;
  });
  /** The documentation's subscriber; the lines that it has printed, by type and subject. */
  async function subscribe(): Promise<() => string[]> {
    let output = '';
    subscriber = await startProgram(process.execPath, ['subscribe.ts'], {
      cwd: folder,
      env: { NATS_URL: `127.0.0.1:${port}` },
      onOutput: (text) => (output += text),
      ready: /^certferry/m,
    });
    return () => [...output.matchAll(/^(certferry\S+ \S+) /gm)].map(([, line]) => line!);
  }
  /** Imports a new certificate; the line that a subscriber prints of it. */
  async function importOne(name: string): Promise<string> {
    const { pem } = await makeCertificate({ commonName: name });
    const { body } = await call(system, 'POST', '/v1/imports', { contentBase64: Buffer.from(pem).toString('base64') });
    return `certferry.inventory.certificate.created ${body['items'][0].certificateId}`;
  }
  const printed = async (lines: () => string[], ...expected: string[]) =>
    await vi.waitFor(() => expect(lines()).toEqual(expect.arrayContaining(expected)), { timeout: 20_000 });

  test('the subscriber of the documentation prints them, and after it was away what it has missed, each once', async () => {
    const first = await importOne('first');
    const lines = await subscribe();
    await printed(lines, first);
    await subscriber!.stop();
    const missed = [await importOne('missed 1'), await importOne('missed 2')];
    const again = await subscribe();
    await printed(again, ...missed);
    expect(again()).not.toContain(first);
    for (const one of missed) expect(again().filter((line) => line === one)).toHaveLength(1);
  });

  test('the commands of the documentation work as printed', async () => {
    const env = { ...process.env, CERTFERRY_URL: system.url, CERTFERRY_API_KEY: system.apiKey };
    const script = ['set -euo pipefail', ...shellBlocks(join(root, 'docs', 'events.md'))].join('\n');
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: root, env });
    expect(JSON.parse(stdout)).toMatchObject({ specversion: '1.0', source: 'certferry' });
  });

  // No registry of packages has it: where it is not there, this is said and not failed.
  test.skipIf(!hasNatsCommand())('the nats command of the documentation reads them', async () => {
    await importOne('by the command');
    const [, commands] = /```bash\n([\s\S]*?)```/.exec(page)!;
    // The documentation looks at jobs; here are certificates.
    const script = ['set -euo pipefail', commands!.replace('deployment.job', 'inventory.certificate')].join('\n');
    const env = { ...process.env, NATS_URL: `127.0.0.1:${port}`, HOME: folder };
    const { stdout } = await promisify(execFile)('bash', ['-c', script.replace('--count 10', '--count 1')], { env });
    expect(stdout).toMatch(/"type":"certferry\.inventory\.certificate\.created"/);
  });

  test('the broker’s whole directory is deleted while things happen: nothing is lost', async () => {
    const before = await importOne('before');
    const lines = await subscribe();
    await printed(lines, before);
    await broker.stop('SIGKILL');
    const meanwhile = [await importOne('meanwhile 1'), await importOne('meanwhile 2')];
    await startBroker();
    const after = await importOne('after');
    await printed(lines, ...meanwhile, after);
    // Who was away at that moment has them all from the database.
    const expected = [before, ...meanwhile, after].map((line) => line.split(' ')[1]!);
    await vi.waitFor(async () => expect(await everyCreated()).toEqual(expect.arrayContaining(expected)), {
      timeout: 20_000,
    });
  });

  /** Subjects of what was created since the first event that is kept. */
  async function everyCreated(): Promise<string[]> {
    const api = createClient({ baseUrl: system.url, apiKey: system.apiKey });
    const found: Event[] = [];
    const enough = AbortSignal.timeout(1_500);
    try {
      // An id that is not kept: from the oldest that is.
      for await (const one of followEvents(api, { lastEventId: 'none', signal: enough })) found.push(one);
    } catch (error) {
      if (!enough.aborted) throw error;
    }
    return found.filter(({ type }) => type.endsWith('certificate.created')).map(({ subject }) => subject);
  }
});
