import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@certferry/core';
import { createRandom } from '@certferry/testing';
import { context, explainExtensions, findOddities, IterationBudget, readPkcs12 } from '@certferry/x509';
import { integer, octetString, oid, sequence, tlv } from '../libs/x509/src/der-writer.ts';
import type { Container } from '../libs/parser/src/container.ts';
import { openContainer, recognise } from '../libs/parser/src/open-container.ts';

// npm run fuzz [COUNT [SEED]]: mutated fixtures (and the corpus where it is installed) through the parser.
// Counts whatever throws something else than our own error, takes over 100 ms of CPU on the fast path, or leaves memory
// behind. Of the containers that a child would open one in twenty is opened here, with few iterations.

const FOLDERS = ['libs/x509/fixtures', '/usr/lib/python3/dist-packages/cryptography_vectors'];
const ENDINGS = /\.(pem|der|crt|crl|p12|p7b|key)$/;
const MAX_BYTES = 16 * 1024;
const SLOW_MS = 100;
const OPENED_ONE_IN = 20;
const PASSWORD = 'changeit';
IterationBudget.limit = 10_000;

const count = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);

const next = createRandom(seed);
const random = (below: number): number => Math.floor(next() * below);

/** A PKCS#12 file with the same bags and neither encryption nor MAC: what is changed in it is looked at. */
function inTheClear(file: Buffer): Buffer[] {
  try {
    const bags = readPkcs12(file, PASSWORD).contents.flatMap((contents) => contents.bags.map(({ raw }) => raw));
    const data = (content: Uint8Array) => sequence(oid('1.2.840.113549.1.7.1'), tlv(context(0), octetString(content)));
    return [sequence(integer(3), data(sequence(data(sequence(...bags)))))];
  } catch {
    return [];
  }
}

const files = FOLDERS.filter((folder) => existsSync(folder))
  .flatMap((folder) => (readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name)))
  .filter((path) => ENDINGS.test(path) && statSync(path).size <= MAX_BYTES);
const seeds = files.flatMap((path) => {
  const content = readFileSync(path);
  return path.endsWith('.p12') ? [content, ...inTheClear(content)] : [content];
});

/** Flips, cuts, doubles, splices, and lengths that lie: what a reader of lengths and tags trips over. */
function mutate(original: Buffer): Buffer {
  let bytes = Buffer.from(original);
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(bytes.length || 1);
    switch (random(7)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes[at] = [0x00, 0x7f, 0x80, 0x81, 0x84, 0xff, 0x30, 0x31][random(8)]!;
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes]).subarray(0, 2 * MAX_BYTES);
        break;
      case 4: {
        const other = seeds[random(seeds.length)]!;
        const from = random(other.length);
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + random(200))]);
        break;
      }
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(random(64), random(256)), bytes.subarray(at)]);
        break;
      default:
        bytes.subarray(at, at + 1 + random(8)).fill(0xff);
    }
  }
  return bytes;
}

/** Of this thread: what else the machine does is not the parser's. */
function cpuMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

const now = new Date();
/** What is asked of a certificate that was read. */
function lookAt({ certificates }: Container): void {
  for (const { der, facts } of certificates) {
    explainExtensions(der);
    findOddities(facts, now);
  }
}

const counts = { read: 0, opened: 0, crashes: 0, slow: 0, slowest: 0 };

function parse(content: Buffer): void {
  const { format, content: inner } = recognise(content);
  if (format.needsSandbox(inner)) {
    if (random(OPENED_ONE_IN) > 0) return;
    counts.opened++;
  }
  lookAt(openContainer(content, { password: PASSWORD }));
  counts.read++;
}

function attempt(content: Buffer, i: number): void {
  const { opened } = counts;
  const start = cpuMilliseconds();
  try {
    parse(content);
  } catch (error) {
    if (!(error instanceof AppError)) {
      counts.crashes++;
      console.log(`fuzz: input ${i} threw ${String(error)}\n${content.toString('base64').slice(0, 2_000)}`);
    }
  }
  const took = cpuMilliseconds() - start;
  // What a child would open may take its time.
  if (counts.opened > opened) return;
  counts.slowest = Math.max(counts.slowest, took);
  if (took <= SLOW_MS) return;
  counts.slow++;
  console.log(`fuzz: input ${i} took ${took.toFixed(0)} ms\n${content.toString('base64').slice(0, 2_000)}`);
}

const before = process.memoryUsage().heapUsed;
const begin = performance.now();
for (let i = 1; i <= count; i++) attempt(mutate(seeds[random(seeds.length)]!), i);
globalThis.gc?.();
const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20;
const rate = (count * 1000) / (performance.now() - begin);
console.log(
  `fuzz: ${count} inputs from ${files.length} files, ${counts.read} read, ${counts.opened} containers opened, ${counts.crashes} crashes, ${counts.slow} over ${SLOW_MS} ms (slowest ${counts.slowest.toFixed(1)} ms), heap grew by ${grown.toFixed(1)} MiB, ${rate.toFixed(0)} inputs/s, seed ${seed}`,
);
process.exitCode = counts.crashes > 0 || counts.slow > 0 ? 1 : 0;
