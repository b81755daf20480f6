import { Buffer } from 'node:buffer';

/*
 * SHA-1 and SHA-2 (FIPS 180-4) of their own last digest, over and over, as WebAssembly that is put together here:
 * node:crypto has no call that stays inside OpenSSL for this, and its way in and out costs three times the digest.
 * Only derivations of many thousand rounds come here; everything else is node:crypto.
 */
interface Family {
  word: 4 | 8;
  rounds: 64 | 80;
  /** Rotations and shifts of FIPS 180-4 sections 4.1.2 and 4.1.3: Σ0, Σ1, σ0, σ1; the last of σ is a shift. */
  mix: readonly [Triple, Triple, Triple, Triple];
}

type Triple = readonly [number, number, number];

const SHA256: Family = {
  word: 4,
  rounds: 64,
  mix: [
    [2, 13, 22],
    [6, 11, 25],
    [7, 18, 3],
    [17, 19, 10],
  ],
};
const SHA512: Family = {
  word: 8,
  rounds: 80,
  mix: [
    [28, 34, 39],
    [14, 18, 41],
    [1, 8, 7],
    [19, 61, 6],
  ],
};

const PRIMES = Array.from({ length: 410 }, (_, n) => n).filter(
  (n) => n > 1 && !Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && n % d === 0),
);

/** The first 64 bits of the fraction of a prime's root of the given degree (FIPS 180-4 sections 4.2.2 and 5.3). */
function rootFraction(prime: number, degree: 2n | 3n): bigint {
  const scaled = BigInt(prime) << (64n * degree);
  let low = 0n;
  for (let bit = 1n << 69n; bit > 0n; bit >>= 1n) if ((low | bit) ** degree <= scaled) low |= bit;
  return low & 0xffff_ffff_ffff_ffffn;
}

const high = (value: bigint): bigint => value >> 32n;
const low = (value: bigint): bigint => value & 0xffff_ffffn;
const squareRoots = (from: number): bigint[] => PRIMES.slice(from, from + 8).map((prime) => rootFraction(prime, 2n));

/** Code that leaves one word on the stack, or nothing. */
type Code = readonly number[];

/** Integers of WebAssembly's binary form (LEB128, signed). */
function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ;) {
    const septet = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && septet < 0x40) || (rest === -1n && septet >= 0x40)) return [...bytes, septet];
    bytes.push(septet | 0x80);
  }
}

function unsigned(value: number): number[] {
  const bytes = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

const get = (local: number): Code => [0x20, ...unsigned(local)];
const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];

/** The instructions of one word size, by their opcodes. */
function wordCode(word: 4 | 8) {
  const [constant, add, and, or, xor, shift, left, right, load, store] =
    word === 4
      ? [0x41, 0x6a, 0x71, 0x72, 0x73, 0x76, 0x77, 0x78, 0x28, 0x36]
      : [0x42, 0x7c, 0x83, 0x84, 0x85, 0x88, 0x89, 0x8a, 0x29, 0x37];
  const number = (value: bigint): Code => [constant, ...signed(BigInt.asIntN(word * 8, value))];
  const joined = (opcode: number, [first, ...rest]: Code[]): Code => [
    ...first!,
    ...rest.flatMap((one) => [...one, opcode]),
  ];
  const by = (opcode: number) => (value: Code, bits: number) => joined(opcode, [value, number(BigInt(bits))]);
  return {
    number,
    add: (...values: Code[]) => joined(add, values),
    and: (...values: Code[]) => joined(and, values),
    or: (...values: Code[]) => joined(or, values),
    xor: (...values: Code[]) => joined(xor, values),
    shiftRight: by(shift),
    rotateLeft: by(left),
    rotateRight: by(right),
    load: (at: number): Code => [0x41, 0, load, word === 4 ? 2 : 3, ...unsigned(at)],
    store: (at: number, value: Code): Code => [0x41, 0, ...value, store, word === 4 ? 2 : 3, ...unsigned(at)],
  };
}

/** Local variables: how many rounds are left, the working variables, and 16 words of the message's schedule. */
const TIMES = 0;
const VARIABLES = 1;
const WORDS = 9;
const LOCALS = 24;
const working = (count: number, round: number) =>
  Array.from({ length: count }, (_, i) => VARIABLES + ((i + count * 80 - round) % count));
const wordAt = (t: number): number => WORDS + (t % 16);

/** One round of SHA-2 (FIPS 180-4 section 6.2.2): the names of the working variables move, not their values. */
function sha2Round({ word, mix }: Family, t: number): Code {
  const op = wordCode(word);
  const [a, b, c, d, e, f, g, h] = working(8, t).map(get) as [Code, Code, Code, Code, Code, Code, Code, Code];
  const [, , , dAt, , , , hAt] = working(8, t);
  // One inside the other: that needs a third less of the processor's registers than three rotations side by side.
  const sum = (value: Code, [x, y, z]: Triple) =>
    op.rotateRight(op.xor(op.rotateRight(op.xor(op.rotateRight(value, z - y), value), y - x), value), x);
  const schedule = (value: Code, [x, y, z]: Triple) =>
    op.xor(op.rotateRight(value, x), op.rotateRight(value, y), op.shiftRight(value, z));
  const root = rootFraction(PRIMES[t]!, 3n);
  const expanded = () =>
    op.add(
      get(wordAt(t)),
      schedule(get(wordAt(t + 1)), mix[2]),
      get(wordAt(t + 9)),
      schedule(get(wordAt(t + 14)), mix[3]),
    );
  return [
    ...(t < 16 ? [] : set(wordAt(t), expanded())),
    ...set(
      hAt!,
      op.add(
        op.add(op.number(word === 4 ? high(root) : root), get(wordAt(t))),
        h,
        op.xor(g, op.and(e, op.xor(f, g))),
        sum(e, mix[1]),
      ),
    ),
    ...set(dAt!, op.add(d, h)),
    ...set(hAt!, op.add(h, op.xor(b, op.and(op.xor(a, b), op.xor(b, c))), sum(a, mix[0]))),
  ];
}

const SHA1_CONSTANTS = [0x5a827999n, 0x6ed9eba1n, 0x8f1bbcdcn, 0xca62c1d6n];

/** One round of SHA-1 (FIPS 180-4 section 6.1.2). */
function sha1Round(t: number): Code {
  const op = wordCode(4);
  const [a, b, c, d, e] = working(5, t).map(get) as [Code, Code, Code, Code, Code];
  const [, bAt, , , eAt] = working(5, t);
  const phase = Math.floor(t / 20);
  const mixed = [
    op.xor(d, op.and(b, op.xor(c, d))),
    op.xor(b, c, d),
    op.or(op.and(b, c), op.and(d, op.or(b, c))),
    op.xor(b, c, d),
  ][phase]!;
  const expanded = () =>
    op.rotateLeft(op.xor(get(wordAt(t + 13)), get(wordAt(t + 8)), get(wordAt(t + 2)), get(wordAt(t))), 1);
  return [
    ...(t < 16 ? [] : set(wordAt(t), expanded())),
    ...set(eAt!, op.add(op.add(op.number(SHA1_CONSTANTS[phase]!), get(wordAt(t))), e, mixed, op.rotateLeft(a, 5))),
    ...set(bAt!, op.rotateLeft(b, 30)),
  ];
}

interface Algorithm {
  word: 4 | 8;
  rounds: number;
  round: (t: number) => Code;
  initial: bigint[];
  /** Words of the digest, which are fewer than those of the state where it is cut. */
  length: number;
}

const sha2 = (family: Family, initial: bigint[], length: number): Algorithm => ({
  ...family,
  round: (t) => sha2Round(family, t),
  initial,
  length,
});

const ALGORITHMS: Record<string, () => Algorithm> = {
  sha1: () => ({
    word: 4,
    rounds: 80,
    round: sha1Round,
    initial: [0x67452301n, 0xefcdab89n, 0x98badcfen, 0x10325476n, 0xc3d2e1f0n],
    length: 5,
  }),
  sha224: () => sha2(SHA256, squareRoots(8).map(low), 7),
  sha256: () => sha2(SHA256, squareRoots(0).map(high), 8),
  sha384: () => sha2(SHA512, squareRoots(8), 6),
  sha512: () => sha2(SHA512, squareRoots(0), 8),
};

/** The function `(times)`: the digest in memory digested so many times. A digest is one block with its padding. */
function body({ word, rounds, round, initial, length }: Algorithm): Code {
  const op = wordCode(word);
  const topBit = 1n << BigInt(word * 8 - 1);
  const padding = (i: number) => (i === length ? topBit : i === 15 ? BigInt(length * word * 8) : 0n);
  const perTurn: Code = [
    ...Array.from({ length: 16 - length }, (_, i) => set(WORDS + length + i, op.number(padding(length + i)))).flat(),
    ...initial.flatMap((value, i) => set(VARIABLES + i, op.number(value))),
    ...Array.from({ length: rounds }, (_, t) => round(t)).flat(),
    ...initial
      .slice(0, length)
      .flatMap((value, i) => set(WORDS + i, op.add(get(working(initial.length, rounds)[i]!), op.number(value)))),
  ];
  const words = Array.from({ length }, (_, i) => i);
  return [
    ...[0x01, LOCALS, word === 4 ? 0x7f : 0x7e],
    ...words.flatMap((i) => set(WORDS + i, op.load(i * word))),
    ...[0x03, 0x40, ...perTurn],
    ...[...get(TIMES), 0x41, 1, 0x6b, 0x22, TIMES, 0x0d, 0, 0x0b],
    ...words.flatMap((i) => op.store(i * word, get(WORDS + i))),
    0x0b,
  ];
}

/** What of WebAssembly is used; Node's types leave it to those of browsers. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
};

/** A module of one function `f` and one page of memory `m`. */
function moduleBytes(code: Code): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: Code) => [id, ...unsigned(content.length), ...content];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, 0x7f, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, 1, 0x66, 0, 0, 1, 0x6d, 2, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

interface Engine {
  word: 4 | 8;
  memory: Uint8Array;
  run: (times: number) => void;
}

function createEngine(algorithm: Algorithm): Engine {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(body(algorithm))));
  const { f, m } = exports as { f: (times: number) => void; m: { buffer: ArrayBuffer } };
  return { word: algorithm.word, memory: new Uint8Array(m.buffer), run: f };
}

const engines = new Map<string, Engine>();

/** Short enough that V8 can change to its optimised code between two. */
const TURNS = 500;

/** Whether `iterateDigest` knows it. */
export const canIterate = (digest: string): boolean => Object.hasOwn(ALGORITHMS, digest);

/** A digest (of a name of `canIterate`), digested `times` more times. */
export function iterateDigest(digest: string, value: Uint8Array, times: number): Buffer {
  let engine = engines.get(digest);
  if (!engine) engines.set(digest, (engine = createEngine(ALGORITHMS[digest]!())));
  const turn = (bytes: Uint8Array) => (engine.word === 4 ? Buffer.from(bytes).swap32() : Buffer.from(bytes).swap64());
  engine.memory.set(turn(value));
  for (let left = times; left > 0; left -= TURNS) engine.run(Math.min(left, TURNS));
  const answer = turn(engine.memory.subarray(0, value.length));
  engine.memory.fill(0, 0, value.length);
  return answer;
}
