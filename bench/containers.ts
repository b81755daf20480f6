import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parserV1 } from '@certferry/contracts';
import { createInProcessClient, serve, type Client } from '@certferry/rpc';
import { makeCertificate, temporaryFolder } from '@certferry/testing';
import { createHandlers } from '../libs/parser/src/handlers.ts';
import { openContainer } from '../libs/parser/src/open-container.ts';
import { Sandbox } from '../libs/parser/src/sandbox/sandbox.ts';
import { makeArchive } from './archive.ts';
import { printTable } from './table.ts';

const ARCHIVE = 100_000;
const FILES = 1_000;
const CHUNK = 1024 * 1024;

type Parser = Client<typeof parserV1.ParserServiceDefinition>;

interface ArchiveRun {
  certificates: number;
  seconds: number;
  /** Of this process and its children together, at most, in bytes. */
  resident: number;
  /** Longest time that the event loop was held, in milliseconds. */
  held: number;
}

async function* requestsOf(archive: Buffer): AsyncGenerator<parserV1.ParseArchiveRequest> {
  yield { part: { $case: 'options', value: { summaryOnly: false, skipItems: 0, passwords: [] } } };
  for (let at = 0; at < archive.length; at += CHUNK)
    yield { part: { $case: 'chunk', value: await Promise.resolve(archive.subarray(at, at + CHUNK)) } };
}

async function readArchive(parser: Parser, archive: Buffer): Promise<ArchiveRun> {
  const run: ArchiveRun = { certificates: 0, seconds: 0, resident: 0, held: 0 };
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  const start = performance.now();
  for await (const { part } of parser.parseArchive(requestsOf(archive))) {
    if (part?.$case !== 'batch') continue;
    run.certificates += part.value.items.filter((item) => item.inspection).length;
    run.resident = Math.max(run.resident, residentBytes());
  }
  loop.disable();
  return { ...run, seconds: (performance.now() - start) / 1000, held: loop.max / 1e6 };
}

/** This process and the children that it started (Linux). */
function residentBytes(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  const pages = ['self', ...children].map((pid) => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]));
  return pages.reduce((sum, count) => sum + count * 4096, 0);
}

async function benchArchive(parser: Parser): Promise<void> {
  const archive = makeArchive(ARCHIVE);
  const before = residentBytes();
  const rows = [];
  for (const name of ['first', 'second']) {
    const { certificates, seconds, resident, held } = await readArchive(parser, archive);
    const grown = (resident - before) / 2 ** 20;
    rows.push([name, certificates, certificates / seconds, resident / 2 ** 20, grown, held]);
  }
  printTable(
    `ParseArchive of a ZIP of ${ARCHIVE} PEM certificates (${Math.round(archive.length / 2 ** 20)} MiB, held by the bench), two children`,
    ['run', 'certificates', 'certificates/s', 'MiB resident in all', 'MiB more than before', 'ms event loop held'],
    rows,
  );
}

/** What opening one takes in all, against OpenSSL's own program, turn by turn: the best of five each. */
function benchDerivation(path: string): void {
  const rows = ['sha1', 'sha256'].map((digest) => {
    const out = `${path}.${digest}.p12`;
    const encryption = ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', digest];
    const password = ['-passout', 'pass:changeit', '-iter', '1000000'];
    execFileSync('openssl', ['pkcs12', '-export', '-in', path, '-out', out, ...encryption, ...password]);
    const content = readFileSync(out);
    const [ours, theirs] = bestOfTurns(
      () => openContainer(content, { password: 'changeit' }),
      () => execFileSync('openssl', ['pkcs12', '-in', out, '-passin', 'pass:changeit', '-nodes'], { stdio: 'pipe' }),
    );
    return [`3DES, MAC of ${digest}`, ...[ours, theirs, ours / theirs].map((one) => one.toFixed(2))];
  });
  printTable('PKCS#12 with a million iterations', ['', 's', 's, openssl pkcs12', 'ratio'], rows);
}

/** Seconds that each takes at least; a machine that is slower for a while is so for both. */
function bestOfTurns(one: () => unknown, other: () => unknown): [number, number] {
  const best: [number, number] = [Infinity, Infinity];
  for (let turn = 0; turn < 5; turn++)
    for (const [i, run] of [one, other].entries()) {
      const start = performance.now();
      run();
      best[i] = Math.min(best[i]!, (performance.now() - start) / 1000);
    }
  return best;
}

/** Archives and PKCS#12 files through the parser: two children, as on a machine with two cores. */
export async function benchContainers(): Promise<void> {
  const sandbox = new Sandbox(2);
  const definition = parserV1.ParserServiceDefinition;
  const { implementation } = serve(definition, createHandlers(sandbox));
  const parser = createInProcessClient(definition, implementation, { callEnded: () => undefined });
  await benchArchive(parser);

  const path = join(temporaryFolder('bench'), 'one.pem');
  const one = await makeCertificate({ commonName: 'one.example.com' });
  writeFileSync(path, one.pem + one.keyPem);
  benchDerivation(path);
  const content = execFileSync('openssl', [
    'pkcs12',
    '-export',
    '-in',
    path,
    '-passout',
    'pass:changeit',
    '-iter',
    '2048',
  ]);
  await Promise.all(Array.from({ length: 20 }, () => parser.inspect({ content, password: 'changeit' })));
  const start = performance.now();
  await Promise.all(Array.from({ length: FILES }, () => parser.inspect({ content, password: 'changeit' })));
  const opened = (FILES * 1000) / (performance.now() - start);
  printTable('PKCS#12 with 2,048 iterations, two children', ['', 'files/s'], [['Inspect', opened]]);
  sandbox.close();
}
