import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, hasProgram, makeChain, runProgram } from '@certferry/testing';
import { afterAll, expect, test } from 'vitest';
import { call, finalJob, startCertferry, type RunningSystem } from '../running-system.ts';

/** kill -9 of the standalone at random moments while imports and deployments run; the nine invariants after every restart. */
const ROUNDS = Number(process.env['CERTFERRY_TEST_KILL_ROUNDS'] ?? 200);
const SEED = Number(process.env['CERTFERRY_TEST_SEED'] ?? Date.now() % 1_000_000);
/** Side by side: one is starting or waiting while the other works. */
const SYSTEMS = [0, 1].map((n) => ({ rounds: Math.ceil((ROUNDS - n) / 2), seed: SEED + n }));
const sums = { rounds: 0, jobs: 0, calls: 0, violations: 0 };
const PASSWORD = 'canary-kill-9d2e';
const STORES = 4;
const CERTIFICATES = 12;

interface Leaf {
  pem: string;
  fingerprint: string;
  keyCanary: string;
}

afterAll(() =>
  console.log(
    `kill loop: ${sums.rounds} rounds, ${sums.jobs} jobs, ${sums.calls} acknowledged calls, ${sums.violations} violations, CERTFERRY_TEST_SEED=${SEED}`,
  ),
);

test.skipIf(!hasProgram('openssl') || !hasProgram('keytool')).concurrent.for(SYSTEMS)(
  'kill -9, $rounds rounds, seed $seed',
  { timeout: 3_600_000 },
  async ({ rounds, seed }) => {
    const random = createRandom(seed);
    const violations: string[] = [];
    const violate = (invariant: string, what: string) => {
      console.log(`kill loop: ${invariant} is violated: ${what}`);
      violations.push(`${invariant}: ${what}`);
    };
    const system = await startCertferry('standalone');
    const api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      call(system, method, path, body, headers);

    const leaves: Leaf[] = await Promise.all(
      Array.from({ length: CERTIFICATES }, async (_, i) => {
        const { leaf, intermediate, root } = await makeChain(`kill-${i}.example.com`);
        return {
          pem: leaf.keyPem + leaf.pem + intermediate.pem + root.pem,
          fingerprint: '',
          keyCanary: leaf.keyDer.toString('base64').slice(40, 80),
        };
      }),
    );
    const ids: string[] = [];
    for (const leaf of leaves) {
      const { body } = await api('POST', '/v1/imports', { contentBase64: Buffer.from(leaf.pem).toString('base64') });
      const item = body['items'].find((one: { hasPrivateKey: boolean }) => one.hasPrivateKey);
      ids.push(item.certificateId as string);
      leaf.fingerprint = item.fingerprintSha256 as string;
    }
    const keystore = (n: number) => join(system.storesDir, `store-${n}.p12`);
    const foreignOf = async (n: number) =>
      (
        await runProgram('keytool', ['-list', '-alias', 'foreign', '-keystore', keystore(n), '-storepass', PASSWORD])
      ).match(/fingerprint.*/)?.[0];
    const storeIds: string[] = [];
    const foreign: (string | undefined)[] = [];
    for (let n = 0; n < STORES; n++) {
      const isPem = n % 2 === 0;
      if (!isPem) {
        await runProgram('keytool', [
          '-genkeypair',
          '-alias',
          'foreign',
          '-keyalg',
          'EC',
          '-dname',
          'CN=foreign',
          '-keystore',
          keystore(n),
          '-storepass',
          PASSWORD,
        ]);
        foreign[n] = await foreignOf(n);
      }
      const config = isPem
        ? { certificatePath: `pem-${n}/tls.crt`, chainPath: `pem-${n}/chain.crt`, keyPath: `pem-${n}/tls.key` }
        : { path: keystore(n), password: PASSWORD };
      const { status, body } = await api('POST', '/v1/stores', {
        name: `store ${n}`,
        kind: isPem ? 'pem' : 'pkcs12',
        config,
      });
      expect(status).toBe(201);
      storeIds.push(body['id'] as string);
    }

    const acknowledgedJobs = new Map<string, { storeId: string; certificateId: string }>();
    const acknowledgedRequests: string[] = [];
    const acknowledgedImports: string[] = [];
    let fresh = 0;

    /** Callers that go on until the server is gone. */
    const load = async (signal: AbortSignal) => {
      const deployer = async (n: number) => {
        while (!signal.aborted) {
          const certificateId = ids[Math.floor(random() * ids.length)]!;
          const storeId = storeIds[n]!;
          const answer = await api('POST', '/v1/deployments', {
            certificateId,
            action: 'add',
            targets: [{ storeId, alias: 'web', overwrite: true }],
          }).catch(() => undefined);
          if (answer?.status !== 202) continue;
          acknowledgedJobs.set(answer.body['jobs'][0].id as string, { storeId, certificateId });
          acknowledgedRequests.push(answer.headers.get('x-request-id')!);
          await new Promise((resolve) => setTimeout(resolve, 30));
        }
      };
      const importer = async () => {
        while (!signal.aborted) {
          const { leaf } = await makeChain(`fresh-${fresh++}.example.com`);
          const answer = await api('POST', '/v1/imports', {
            contentBase64: Buffer.from(leaf.keyPem + leaf.pem).toString('base64'),
          }).catch(() => undefined);
          if (answer?.status !== 200) continue;
          acknowledgedImports.push(answer.body['items'][0].fingerprintSha256 as string);
          acknowledgedRequests.push(answer.headers.get('x-request-id')!);
        }
      };
      await Promise.all([...storeIds.map((_, n) => deployer(n)), importer()]);
    };

    const checkedJobs = new Set<string>();
    const checkRound = async (round: number) => {
      // I1: every accepted job ends.
      for (const id of acknowledgedJobs.keys()) {
        if (checkedJobs.has(id)) continue;
        const job = await finalJob(system, id).catch(() => undefined);
        if (!job) violate('I1', `job ${id} did not end`);
        else if (!['succeeded', 'cancelled'].includes(job['status'] as string))
          violate('I1', `job ${id} is ${job['status']}: ${JSON.stringify(job['error'] ?? job['timeline'].at(-1))}`);
        checkedJobs.add(id);
      }
      // I1, I5: every acknowledged import is there, once.
      for (const fingerprint of acknowledgedImports.splice(0)) {
        const { body } = await api(
          'GET',
          `/v1/certificates?filter=${encodeURIComponent(`Fingerprint -eq ${fingerprint}`)}`,
        );
        if (body['items'].length !== 1)
          violate('I5', `${body['items'].length} certificates with fingerprint ${fingerprint}`);
        else if (!body['items'][0].hasPrivateKey) violate('I1', `the key of ${fingerprint} is gone`);
      }
      await settled();
      for (let n = 0; n < STORES; n++) await checkStore(n, round);
      // I9: nothing is left lying about once every job has ended.
      const left = readdirSync(system.storesDir, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith('.tmp'));
      if (left.length > 0) violate('I9', `left: ${left.join(', ')}`);
      for (const name of readdirSync(system.storesDir, { recursive: true })
        .map(String)
        .filter((one) => /\.certferry-[0-9a-f-]+$/.test(one))) {
        const versions = readdirSync(join(system.storesDir, name));
        if (versions.length !== 2) violate('I9', `${name} holds ${versions.join(', ')}`);
      }
    };

    /** A job that was kept and whose answer the kill took away runs too: only when none is left, a store has to be as the last one says. */
    const settled = async () => {
      const filter = encodeURIComponent('Status -eq "queued" OR Status -eq "running" OR Status -eq "retrying"');
      for (let tries = 0; tries < 300; tries++) {
        if ((await api('GET', `/v1/jobs?filter=${filter}&limit=1`)).body['items'].length === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      violate('I1', 'jobs did not end');
    };

    const checkStore = async (n: number, round: number) => {
      const { body } = await api('GET', `/v1/jobs?storeId=${storeIds[n]}&status=succeeded&limit=500`);
      const last = body['items'][0] as { certificateId: string } | undefined;
      if (!last) return;
      const wanted = leaves[ids.indexOf(last.certificateId)]!.fingerprint;
      const fingerprint = (text: string) =>
        text
          .match(/=([0-9A-F:]+)/)?.[1]
          ?.replaceAll(':', '')
          .toLowerCase();
      // I2, I3: an independent reader finds the certificate of the last job, whole, with its key.
      if (n % 2 === 0) {
        const [certificate, key, chain] = ['tls.crt', 'tls.key', 'chain.crt'].map((name) =>
          join(system.storesDir, `pem-${n}`, name),
        ) as [string, string, string];
        const read = await Promise.all([
          runProgram('openssl', ['x509', '-in', certificate, '-noout', '-fingerprint', '-sha256']),
          runProgram('openssl', ['x509', '-in', certificate, '-noout', '-pubkey']),
          runProgram('openssl', ['pkey', '-in', key, '-pubout']),
          runProgram('openssl', ['verify', '-CAfile', chain, certificate]),
        ]).catch((error: Error) => violate('I2', error.message));
        if (typeof read !== 'object') return;
        if (fingerprint(read[0]) !== wanted) violate('I3', `store ${n} does not hold the certificate of its last job`);
        if (read[1] !== read[2]) violate('I3', `the key of store ${n} does not match`);
        return;
      }
      const pem = await runProgram('openssl', [
        'pkcs12',
        '-in',
        keystore(n),
        '-passin',
        `pass:${PASSWORD}`,
        '-nodes',
      ]).catch((error: Error) => void violate('I2', error.message));
      if (!pem) return;
      const path = join(system.dataDir, 'extracted.pem');
      const entry = pem
        .split(/(?=Bag Attributes)/)
        .find((part) => part.includes('friendlyName: web') && part.includes('BEGIN CERTIFICATE'));
      writeFileSync(path, entry ?? '');
      const found = fingerprint(
        await runProgram('openssl', ['x509', '-in', path, '-noout', '-fingerprint', '-sha256']).catch(() => ''),
      );
      if (found !== wanted) violate('I3', `store ${n} does not hold the certificate of its last job`);
      // I4, and I2 with keytool: each start of Java takes its time, so not in every round.
      if (round % 20 === 0 && (await foreignOf(n)) !== foreign[n])
        violate('I4', `the foreign entry of store ${n} changed`);
    };

    for (let round = 1; round <= rounds; round++) {
      const controller = new AbortController();
      const loaded = load(controller.signal);
      await new Promise((resolve) => setTimeout(resolve, 50 + random() * 700));
      await system.stop('SIGKILL');
      controller.abort();
      await loaded;
      await system.restart();
      await checkRound(round);
      if (round % 20 === 0)
        console.log(
          `kill loop, seed ${seed}: ${round} rounds, ${acknowledgedJobs.size} jobs, ${fresh} imports, ${violations.length} violations`,
        );
    }
    await checkAtTheEnd({
      system,
      acknowledgedJobs,
      acknowledgedRequests,
      violate,
      canaries: [PASSWORD, ...leaves.map((leaf) => leaf.keyCanary)],
    });
    await system.stop();
    sums.rounds += rounds;
    sums.jobs += acknowledgedJobs.size;
    sums.calls += acknowledgedRequests.length;
    sums.violations += violations.length;
    expect(violations).toEqual([]);
  },
);

async function checkAtTheEnd(of: {
  system: RunningSystem;
  acknowledgedJobs: Map<string, unknown>;
  acknowledgedRequests: string[];
  canaries: string[];
  violate: (invariant: string, what: string) => void;
}): Promise<void> {
  const { system, violate } = of;
  // I6: events from the log, resumed from before the first one there is.
  const events = await allEvents(system);
  const byJob = Map.groupBy(
    events.filter((event) => event.type.startsWith('certferry.deployment.job.')),
    (event) => event.subject,
  );
  for (const id of of.acknowledgedJobs.keys()) {
    const own = byJob.get(id) ?? [];
    const sequences = own.map((event) => event.data.sequence);
    if (sequences.some((sequence, i) => sequence !== i + 1))
      violate('I6', `events of job ${id}: ${sequences.join(', ')}`);
    const terminal = own.filter((event) => /\.(succeeded|failed|cancelled|drifted)$/.test(event.type));
    if (terminal.length !== 1 || own.at(-1) !== terminal[0]) violate('I6', `job ${id} ended ${terminal.length} times`);
  }
  // I7: one record for each acknowledged call, and the chain verifies.
  const verified = (await call(system, 'POST', '/v1/audit/verify')).body;
  if (!verified['ok']) violate('I7', `the audit chain is broken at ${verified['broken']}`);
  const recorded = new Map<string, number>();
  for (let before: number | undefined; ;) {
    const { items } = (
      await call(system, 'GET', `/v1/audit?limit=500${before === undefined ? '' : `&before=${before}`}`)
    ).body as { items: { requestId: string; seq: number }[] };
    for (const { requestId } of items) recorded.set(requestId, (recorded.get(requestId) ?? 0) + 1);
    if (items.length < 500) break;
    before = items.at(-1)!.seq;
  }
  for (const requestId of of.acknowledgedRequests)
    if (recorded.get(requestId) !== 1)
      violate('I7', `${recorded.get(requestId) ?? 0} audit records for request ${requestId}`);
  // I8: no secret in what was printed or stored.
  const database = join(system.dataDir, 'database');
  const stored = Buffer.concat(readdirSync(database).map((name) => readFileSync(join(database, name))));
  for (const canary of [...of.canaries, system.apiKey]) {
    if (system.output().includes(canary)) violate('I8', 'a secret is in the log');
    if (stored.includes(canary)) violate('I8', 'a secret is in the database');
  }
}

interface LoggedEvent {
  id: string;
  type: string;
  subject: string;
  data: { sequence: number };
}

/** Everything in the event log: an id that nobody knows begins at the oldest. */
async function allEvents(system: RunningSystem): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  const response = await fetch(`${system.url}/v1/events`, {
    headers: { 'x-api-key': system.apiKey, 'last-event-id': 'from-the-oldest' },
    signal: AbortSignal.timeout(20_000),
  });
  let text = '';
  let last = Date.now();
  const reader = response.body!.getReader();
  while (Date.now() - last < 2_000) {
    const chunk = await Promise.race([
      reader.read(),
      new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 2_000)),
    ]);
    if (!chunk?.value) break;
    last = Date.now();
    text += Buffer.from(chunk.value).toString();
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const data = block.split('\n').find((line) => line.startsWith('data: '));
      if (data) events.push(JSON.parse(data.slice(6)) as LoggedEvent);
    }
  }
  await reader.cancel();
  return events;
}
