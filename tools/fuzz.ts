import { AppError } from '@certferry/core';
import { createRandom } from '@certferry/testing';
import { explainExtensions, findOddities, IterationBudget } from '@certferry/x509';
import { openAny } from '../libs/parser/src/archive/open-archive.ts';
import type { Container } from '../libs/parser/src/container.ts';
import { readFast } from '../libs/parser/src/fast-path.ts';
import { MAX_BYTES, PASSWORD, TARGETS } from './fuzz-seeds.ts';

// npm run fuzz [COUNT [SEED [TARGET]]]: mutated fixtures (and the corpus where it is installed), archives, documents,
// escaped PEM and keystores (all of them, or one target) through the parser.
// Counts whatever throws something else than our own error, takes over 100 ms of CPU on the fast path, or leaves memory
// behind. Of the containers that a child would open one in twenty is opened here, with few iterations.

const SLOW_MS = 100;
const OPENED_ONE_IN = 20;
IterationBudget.limit = 10_000;

const count = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);

const target = process.argv[4];

const next = createRandom(seed);
const random = (below: number): number => Math.floor(next() * below);

const seeds = Object.entries(TARGETS).flatMap(([name, make]) =>
  target === undefined || target === name ? make() : [],
);
if (seeds.length === 0) throw new Error(`There is no target ${target}: ${Object.keys(TARGETS).join(', ')}`);

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

async function parse(content: Buffer): Promise<void> {
  // What is changed in a keystore is looked at where its password does not refuse it first.
  const passwords = random(2) === 0 ? {} : { password: PASSWORD };
  const fast = readFast(content, passwords);
  if (!fast) {
    if (target === undefined && random(OPENED_ONE_IN) > 0) return;
    counts.opened++;
  }
  lookAt(fast ?? (await openAny(content, passwords)));
  counts.read++;
}

async function attempt(content: Buffer, i: number): Promise<void> {
  const start = cpuMilliseconds();
  try {
    await parse(content);
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'INTERNAL') {
      counts.crashes++;
      console.log(`fuzz: input ${i} threw ${String(error)}\n${content.toString('base64').slice(0, 2_000)}`);
    }
  }
  const took = cpuMilliseconds() - start;
  counts.slowest = Math.max(counts.slowest, took);
  if (took <= SLOW_MS) return;
  counts.slow++;
  console.log(`fuzz: input ${i} took ${took.toFixed(0)} ms\n${content.toString('base64').slice(0, 2_000)}`);
}

const before = process.memoryUsage().heapUsed;
const begin = performance.now();
for (let i = 1; i <= count; i++) await attempt(mutate(seeds[random(seeds.length)]!), i);
globalThis.gc?.();
const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20;
const rate = (count * 1000) / (performance.now() - begin);
console.log(
  `fuzz: ${count} inputs from ${seeds.length} seeds, ${counts.read} read, ${counts.opened} containers opened, ${counts.crashes} crashes, ${counts.slow} over ${SLOW_MS} ms (slowest ${counts.slowest.toFixed(1)} ms), heap grew by ${grown.toFixed(1)} MiB, ${rate.toFixed(0)} inputs/s, seed ${seed}`,
);
process.exitCode = counts.crashes > 0 || counts.slow > 0 ? 1 : 0;
