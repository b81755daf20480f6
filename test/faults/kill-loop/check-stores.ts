import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '@certferry/testing';
import { call } from '../../running-system.ts';
import { foreignEntry, PASSWORD, type LoopStore, type Scenario } from './scenario.ts';

/** I2, I3, I4, I5, I9: stores and inventory as a stranger reads them, when no job is left. */
export async function checkStores(scenario: Scenario, round: number): Promise<void> {
  await checkImports(scenario);
  const { stores, shared, system, violate } = scenario;
  for (const store of [...stores, shared]) {
    const { body } = await call(system, 'GET', `/v1/jobs?storeId=${store.id}&status=succeeded&limit=500`);
    // Newest first: the first of an alias is the last that has written it.
    const wanted = new Map<string, string>();
    for (const job of body['items'] as { alias: string; certificateId: string }[])
      if (!wanted.has(job.alias)) wanted.set(job.alias, scenario.fingerprints.get(job.certificateId)!);
    if (wanted.size === 0) continue;
    await (store.kind === 'pem' ? checkPem : checkKeystore)(scenario, store, wanted);
    // I4, and I2 with keytool: each start of Java takes its time, so not in every round.
    if (store.foreign && round % 20 === 0 && (await foreignEntry(store.path)) !== store.foreign)
      violate('I4', `the foreign entry of ${store.path} changed`);
  }
  checkFolder(scenario);
}

/** I1, I5: every acknowledged import is there, once. */
async function checkImports({ system, acknowledged, violate }: Scenario): Promise<void> {
  for (const fingerprint of acknowledged.imports.splice(0)) {
    const filter = encodeURIComponent(`Fingerprint -eq ${fingerprint}`);
    const { body } = await call(system, 'GET', `/v1/certificates?filter=${filter}`);
    if (body['items'].length !== 1)
      violate('I5', `${body['items'].length} certificates with fingerprint ${fingerprint}`);
    else if (!body['items'][0].hasPrivateKey) violate('I1', `the key of ${fingerprint} is gone`);
  }
}

async function checkPem({ violate }: Scenario, { path }: LoopStore, wanted: Map<string, string>): Promise<void> {
  const [certificate, key, chain] = ['tls.crt', 'tls.key', 'chain.crt'].map((name) => join(path, name)) as [
    string,
    string,
    string,
  ];
  const read = await Promise.all([
    runProgram('openssl', ['x509', '-in', certificate]),
    runProgram('openssl', ['x509', '-in', certificate, '-noout', '-pubkey']),
    runProgram('openssl', ['pkey', '-in', key, '-pubout']),
    runProgram('openssl', ['verify', '-CAfile', chain, certificate]),
  ]).catch((error: Error) => violate('I2', error.message));
  if (typeof read !== 'object') return;
  if (fingerprintOf(read[0]) !== [...wanted.values()][0])
    violate('I3', `${path} does not hold the certificate of its last job`);
  if (read[1] !== read[2]) violate('I3', `the key of ${path} does not match`);
}

async function checkKeystore({ violate }: Scenario, { path }: LoopStore, wanted: Map<string, string>): Promise<void> {
  const read = await runProgram('openssl', ['pkcs12', '-in', path, '-passin', `pass:${PASSWORD}`, '-nodes']).catch(
    (error: Error) => void violate('I2', error.message),
  );
  if (!read) return;
  const bags = read.split(/^(?=Bag Attributes)/m);
  for (const [alias, fingerprint] of wanted) {
    const own = bags.filter((bag) => /friendlyName: (.*)/.exec(bag)?.[1] === alias);
    const certificate = own.find((bag) => bag.includes('BEGIN CERTIFICATE'));
    const key = own.find((bag) => bag.includes('BEGIN PRIVATE KEY'));
    if (!certificate || fingerprintOf(certificate) !== fingerprint)
      violate('I3', `${alias} of ${path} is not the certificate of its last job`);
    else if (!key || !new X509Certificate(pemOf(certificate)).checkPrivateKey(createPrivateKey(pemOf(key))))
      violate('I3', `the key of ${alias} of ${path} does not match`);
  }
}

/** I9: nothing is left lying about once every job has ended. */
function checkFolder({ system, violate }: Scenario): void {
  const names = readdirSync(system.storesDir, { recursive: true }).map(String);
  const left = names.filter((name) => name.endsWith('.tmp'));
  if (left.length > 0) violate('I9', `left: ${left.join(', ')}`);
  const homes = names.filter((name) => /\.certferry-[0-9a-f-]+$/.test(name));
  if (homes.length > 0) violate('I9', `left: ${homes.join(', ')}`);
}

const pemOf = (text: string): string => text.slice(text.indexOf('-----BEGIN'));
const fingerprintOf = (text: string): string =>
  new X509Certificate(pemOf(text)).fingerprint256.replaceAll(':', '').toLowerCase();
