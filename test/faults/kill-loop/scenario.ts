import { join } from 'node:path';
import { createRandom, makeCertificate, makeChain, runProgram } from '@certferry/testing';
import { call, startCertferry, type RunningSystem } from '../../running-system.ts';

export const PASSWORD = 'canary-kill-9d2e';
const CERTIFICATES = 12;
/** So many aliases the shared keystore has: one a deployment, used again, since every entry more makes each write slower. */
const SHARED_ALIASES = 6;
/** Who imports and deploys to it at the same time, and how many certificates each at once: jobs of it wait when the kill comes. */
const TENANTS = 1;
const AT_ONCE = 2;
/** Between two calls of a caller. */
const PAUSE_MS = 30;

/** A store of the loop. Nobody but Certferry writes it once it is there. */
export interface LoopStore {
  id: string;
  kind: 'pem' | 'pkcs12';
  /** A folder, or the keystore. */
  path: string;
  /** What keytool says of the entry that stood in the keystore before. */
  foreign?: string;
}

/** A system under load, and what was promised to its callers. */
export interface Scenario {
  system: RunningSystem;
  /** All deployments to one of these go to the alias "web", each overwriting the one before. */
  stores: LoopStore[];
  /** Many import a certificate each and deploy it to an alias of its own in this one. */
  shared: LoopStore;
  /** How many certificates were given an alias in it. */
  deployed: number;
  /** By id of the certificate. */
  fingerprints: Map<string, string>;
  acknowledged: { jobs: Set<string>; requests: string[]; imports: string[] };
  /** What must be in no log and in no database. */
  canaries: string[];
  violations: string[];
  violate(invariant: string, what: string): void;
  /** Callers that go on until they are told, or the server is gone. */
  load(signal: AbortSignal): Promise<void>;
}

export async function startScenario(seed: number): Promise<Scenario> {
  const system = await startCertferry('standalone');
  const violations: string[] = [];
  const scenario: Scenario = {
    system,
    stores: [],
    shared: await makeKeystore(system, 'shared'),
    deployed: 0,
    fingerprints: new Map(),
    acknowledged: { jobs: new Set(), requests: [], imports: [] },
    canaries: [PASSWORD],
    violations,
    violate: (invariant, what) => {
      console.log(`kill loop: ${invariant} is violated: ${what}`);
      violations.push(`${invariant}: ${what}`);
    },
    load: (signal) => load(scenario, { signal, certificateIds, random }),
  };
  const random = createRandom(seed);
  const chains = await Promise.all(Array.from({ length: CERTIFICATES }, (_, i) => makeChain(`kill-${i}.example.com`)));
  const certificateIds: string[] = [];
  for (const { leaf, intermediate, root } of chains) {
    const { items } = await importPem(scenario, leaf.keyPem + leaf.pem + intermediate.pem + root.pem);
    certificateIds.push(items[0]!.certificateId);
    scenario.canaries.push(leaf.keyDer.toString('base64').slice(40, 80));
  }
  for (let n = 0; n < 4; n++)
    scenario.stores.push(n % 2 === 0 ? await makePem(system, `${n}`) : await makeKeystore(system, `${n}`));
  return scenario;
}

async function load(
  scenario: Scenario,
  { signal, certificateIds, random }: { signal: AbortSignal; certificateIds: string[]; random: () => number },
): Promise<void> {
  const deployer = async (store: LoopStore) => {
    while (!signal.aborted) {
      const certificateId = certificateIds[Math.floor(random() * certificateIds.length)]!;
      if (!(await deploy(scenario, { store, certificateId, alias: 'web' }))) continue;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  let next = 0;
  const tenant = async () => {
    while (!signal.aborted) {
      const fresh = await Promise.all(
        Array.from({ length: AT_ONCE }, () => makeCertificate({ commonName: `fresh-${next++}.example.com` })),
      );
      const pem = fresh.map((one) => one.keyPem + one.pem).join('');
      const { items, requestId } = await importPem(scenario, pem).catch(() => ({ items: [], requestId: '' }));
      if (items.length === 0) continue;
      scenario.acknowledged.requests.push(requestId);
      scenario.acknowledged.imports.push(...items.map((item) => item.fingerprintSha256));
      const { shared: store } = scenario;
      const aliases = items.map(() => `tenant-${scenario.deployed++ % SHARED_ALIASES}`);
      await Promise.all(
        items.map(({ certificateId }, i) => deploy(scenario, { store, certificateId, alias: aliases[i]! })),
      );
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  await Promise.all([...scenario.stores.map(deployer), ...Array.from({ length: TENANTS }, tenant)]);
}

interface Item {
  certificateId: string;
  fingerprintSha256: string;
}

/** The items that came with their keys; none when it was not acknowledged. */
async function importPem(scenario: Scenario, pem: string): Promise<{ items: Item[]; requestId: string }> {
  const content = { contentBase64: Buffer.from(pem).toString('base64') };
  const { status, body, headers } = await call(scenario.system, 'POST', '/v1/imports', content);
  if (status !== 200) return { items: [], requestId: '' };
  const items = (body['items'] as (Item & { hasPrivateKey: boolean })[]).filter((item) => item.hasPrivateKey);
  for (const item of items) scenario.fingerprints.set(item.certificateId, item.fingerprintSha256);
  return { items, requestId: headers.get('x-request-id')! };
}

async function deploy(
  { system, acknowledged }: Scenario,
  { store, certificateId, alias }: { store: LoopStore; certificateId: string; alias: string },
): Promise<boolean> {
  const answer = await call(system, 'POST', '/v1/deployments', {
    ...{ certificateId, action: 'add' },
    targets: [{ storeId: store.id, alias, overwrite: true }],
  }).catch(() => undefined);
  if (answer?.status !== 202) return false;
  acknowledged.jobs.add(answer.body['jobs'][0].id as string);
  acknowledged.requests.push(answer.headers.get('x-request-id')!);
  return true;
}

async function makePem(system: RunningSystem, name: string): Promise<LoopStore> {
  const folder = `pem-${name}`;
  const [certificatePath, chainPath, keyPath] = ['tls.crt', 'chain.crt', 'tls.key'].map((file) => `${folder}/${file}`);
  const id = await createStore(system, {
    name,
    kind: 'pem',
    config: { certificatePath, chainPath, keyPath, includeRoot: true },
  });
  return { id, kind: 'pem', path: join(system.storesDir, folder) };
}

/** A keystore that somebody has made with an entry of their own. */
async function makeKeystore(system: RunningSystem, name: string): Promise<LoopStore> {
  const path = join(system.storesDir, `store-${name}.p12`);
  const entry = ['-genkeypair', '-alias', 'foreign', '-keyalg', 'EC', '-dname', 'CN=foreign'];
  await runProgram('keytool', [...entry, '-keystore', path, '-storepass', PASSWORD]);
  const id = await createStore(system, { name, kind: 'pkcs12', config: { path, password: PASSWORD } });
  return { id, kind: 'pkcs12', path, foreign: await foreignEntry(path) };
}

/** The fingerprint of the entry that is not ours, as keytool reads it. */
export async function foreignEntry(path: string): Promise<string | undefined> {
  const said = await runProgram('keytool', ['-list', '-alias', 'foreign', '-keystore', path, '-storepass', PASSWORD]);
  return said.match(/fingerprint.*/)?.[0];
}

async function createStore(system: RunningSystem, store: object): Promise<string> {
  // Any certificate goes into any place here.
  const policy = { names: 'allow' };
  const { status, body } = await call(system, 'POST', '/v1/stores', { ...store, policy });
  if (status !== 201) throw new Error(`no store: ${JSON.stringify(body)}`);
  return body['id'] as string;
}
