import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';
import { CONTAINER_BOMBS, type Bomb } from './bombs.ts';
import { READER_BOMBS } from './reader-bombs.ts';
import { ARCHIVE_BOMBS, XML_BOMBS } from './archive-bombs.ts';

/** What the reliability page promises (issue of the parser, "Proof"): a second of CPU, 256 MiB, and nobody waits. */
const MAX_CPU_SECONDS = 1;
const MAX_HELD_SECONDS = 0.1;
const MAX_GROWN_BYTES = 256 * 2 ** 20;

let system: RunningSystem;
beforeAll(async () => void (system = await startCertferry('standalone')));
afterAll(() => system.stop());

const stat = (pid: string): string[] => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
const processes = (): string[] => {
  const pid = String(system.processes[0]!.child.pid);
  return [pid, ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')].filter(Boolean);
};

/** User and system time of the server, its children, and those of them that have ended. */
const cpuSeconds = (): number =>
  processes().reduce((sum, pid, i) => {
    const fields = stat(pid);
    const ended = i === 0 ? Number(fields[13]) + Number(fields[14]) : 0;
    return sum + (Number(fields[11]) + Number(fields[12]) + ended) / 100;
  }, 0);

const residentBytes = (pid: string): number => Number(stat(pid)[21]) * 4096;

/** The longest time that the server's event loop was held since it was asked last. */
async function heldSeconds(): Promise<number> {
  const metrics = await (await fetch(`${system.url}/metrics`)).text();
  return Number(/^nodejs_eventloop_lag_max_seconds(?:\{[^}]*\})? (\S+)$/m.exec(metrics)![1]);
}

interface Cost {
  cpu: number;
  held: number;
  grown: number;
}

async function measureOnce(send: () => Promise<unknown>): Promise<Cost> {
  await heldSeconds();
  const cpu = cpuSeconds();
  const before = new Map(processes().map((pid) => [pid, residentBytes(pid)]));
  let grown = 0;
  const watch = setInterval(() => {
    for (const pid of processes()) {
      try {
        grown = Math.max(grown, residentBytes(pid) - (before.get(pid) ?? 0));
      } catch {
        // The process has just ended.
      }
    }
  }, 10);
  try {
    await send();
  } finally {
    clearInterval(watch);
  }
  return { cpu: cpuSeconds() - cpu, held: await heldSeconds(), grown };
}

/** What a bomb costs at least: a busy machine only adds to it, so the best of three counts. */
async function expectCheap(name: string, send: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { cpu, held, grown } = await measureOnce(send);
    console.log(
      `bomb: ${name}: ${cpu.toFixed(2)} s of CPU, event loop held ${(held * 1000).toFixed(0)} ms, ${(grown / 2 ** 20).toFixed(0)} MiB more`,
    );
    if (tries < 3 && (cpu >= MAX_CPU_SECONDS || held >= MAX_HELD_SECONDS || grown >= MAX_GROWN_BYTES)) continue;
    expect(cpu).toBeLessThan(MAX_CPU_SECONDS);
    expect(held).toBeLessThan(MAX_HELD_SECONDS);
    expect(grown).toBeLessThan(MAX_GROWN_BYTES);
    return;
  }
}

/** Sends a bomb and holds the answer against what is expected of it. */
async function sendBomb(path: string, form: FormData, bomb: Bomb): Promise<void> {
  const { body } = await call(system, 'POST', path, form);
  const limit = bomb.limit && { details: { limit: bomb.limit } };
  expect(body).toMatchObject(bomb.reason ? { reason: bomb.reason, ...limit } : { status: 'inspected' });
}

describe('a container that is a bomb costs a second at most, and nobody waits for it', () => {
  test.each(CONTAINER_BOMBS.map((bomb) => [bomb.name, bomb] as const))('%s', async (name, bomb) => {
    const form = new FormData();
    form.set('password', 'secret');
    form.set('file', new Blob([new Uint8Array(bomb.content())]));
    await expectCheap(name, () => sendBomb('/v1/imports/inspect', form, bomb));
  });
});

describe('a file for the readers of archives, documents and keystores that is a bomb', () => {
  test.each(READER_BOMBS.map((bomb) => [bomb.name, bomb] as const))('%s', async (name, bomb) => {
    const form = new FormData();
    if (bomb.passwords) form.set('passwords', JSON.stringify(bomb.passwords));
    else form.set('password', 'secret');
    form.set('file', new Blob([new Uint8Array(bomb.content())]));
    await expectCheap(name, () => sendBomb('/v1/imports/inspect', form, bomb));
  });
});

describe.each([
  ['pem', ARCHIVE_BOMBS],
  ['xml', XML_BOMBS],
] as const)('an archive of %s that is a bomb', (format, bombs) => {
  let profile = '';
  beforeAll(async () => {
    const made = await call(system, 'POST', '/v1/enrollment-profiles', { name: `${format} bombs`, format });
    profile = made.body['id'] as string;
  });
  test.each(bombs.map((bomb) => [bomb.name, bomb] as const))('%s', async (name, bomb) => {
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(bomb.content())]), 'bomb.zip');
    await expectCheap(name, () => sendBomb(`/v1/enrollment-profiles/${profile}/imports`, form, bomb));
  });
});
