import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@certferry/core';
import { createRandom } from '@certferry/testing';
import { openContainer, recognise } from '../libs/parser/src/open-container.ts';

// npm run fuzz [COUNT [SEED]]: mutated fixtures (and the corpus where it is installed) through the parser's fast path.
// Counts whatever throws something else than our own error, takes over 100 ms of CPU, or leaves memory behind.

const FOLDERS = ['libs/x509/fixtures', '/usr/lib/python3/dist-packages/cryptography_vectors'];
const ENDINGS = /\.(pem|der|crt|crl|p12|p7b|key)$/;
const MAX_BYTES = 16 * 1024;
const SLOW_MS = 100;

const count = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);

const next = createRandom(seed);
const random = (below: number): number => Math.floor(next() * below);
const seeds = FOLDERS.filter((folder) => existsSync(folder))
  .flatMap((folder) => (readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name)))
  .filter((path) => ENDINGS.test(path) && statSync(path).size <= MAX_BYTES)
  .map((path) => readFileSync(path));

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

/** The fast path only: what derives keys runs in a child that can be killed. */
function parse(content: Buffer): void {
  const { format, content: inner } = recognise(content);
  if (!format.needsSandbox(inner)) openContainer(content, { password: 'password' });
}

let [crashes, slow, read, slowest] = [0, 0, 0, 0];
const before = process.memoryUsage().heapUsed;
const begin = performance.now();
for (let i = 1; i <= count; i++) {
  const content = mutate(seeds[random(seeds.length)]!);
  const start = cpuMilliseconds();
  try {
    parse(content);
    read++;
  } catch (error) {
    if (!(error instanceof AppError)) {
      crashes++;
      if (crashes <= 10)
        console.log(`fuzz: input ${i} threw ${String(error)}\n${content.toString('base64').slice(0, 2_000)}`);
    }
  }
  const took = cpuMilliseconds() - start;
  slowest = Math.max(slowest, took);
  if (took > SLOW_MS) {
    slow++;
    console.log(`fuzz: input ${i} took ${took.toFixed(0)} ms\n${content.toString('base64').slice(0, 2_000)}`);
  }
}
globalThis.gc?.();
const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20;
console.log(
  `fuzz: ${count} inputs from ${seeds.length} files, ${read} read, ${crashes} crashes, ${slow} over ${SLOW_MS} ms (slowest ${slowest.toFixed(1)} ms), heap grew by ${grown.toFixed(1)} MiB, ${((count * 1000) / (performance.now() - begin)).toFixed(0)} inputs/s, seed ${seed}`,
);
process.exitCode = crashes > 0 ? 1 : 0;
