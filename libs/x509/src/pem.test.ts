import { expect, test } from 'vitest';
import { fixture, fixtureDer } from './fixtures.ts';
import { MAX_PEM_BLOCK_BYTES, readPem, writePem } from './pem.ts';

test('blocks in any mixture, with text around them and CRLF line ends', () => {
  const text = `subject=web1\n${fixture('leaf.key')}\r\nBag Attributes\n${fixture('leaf.pem').toString().replaceAll('\n', '\r\n')}tail`;
  expect(readPem(Buffer.from(text)).map((block) => [block.label, block.problem])).toEqual([
    ['PRIVATE KEY', undefined],
    ['CERTIFICATE', undefined],
  ]);
});

test('what is written is read back', () => {
  expect(readPem(Buffer.from(writePem('CERTIFICATE', fixtureDer('leaf.pem'))))[0]!.bytes).toEqual(
    fixtureDer('leaf.pem'),
  );
});

test('a damaged block says so and the next one is read', () => {
  const good = fixture('leaf.pem').toString();
  const blocks = readPem(
    Buffer.from(`-----BEGIN CERTIFICATE-----\nMII!\n-----END CERTIFICATE-----\n-----BEGIN X-----\nAAAA\n${good}`),
  );
  expect(blocks.map((block) => block.problem)).toEqual([
    'PEM block 1 (CERTIFICATE) is not valid base64 in line 2',
    expect.stringMatching(/PEM block at byte \d+ has no matching END line/),
    undefined,
  ]);
});

test('a block holds 64 KiB, one byte more is refused', () => {
  const read = (length: number) => readPem(Buffer.from(writePem('X', Buffer.alloc(length))))[0]!;
  expect(read(MAX_PEM_BLOCK_BYTES).bytes?.length).toBe(MAX_PEM_BLOCK_BYTES);
  expect(read(MAX_PEM_BLOCK_BYTES + 3).problem).toMatch(/more than 65536 bytes/);
});

test('a megabyte of BEGIN lines takes linear time', () => {
  const begins = (count: number) => Buffer.from('-----BEGIN CERTIFICATE-----\n'.repeat(count));
  const steps = (count: number) => {
    const start = process.cpuUsage();
    expect(() => readPem(begins(count))).not.toThrow();
    const used = process.cpuUsage(start);
    return used.user + used.system;
  };
  steps(2_000);
  // Quadratic would be 64 times the work for 8 times the input; seconds instead of milliseconds.
  expect(steps(16_000)).toBeLessThan(1_000_000);
  expect(() => readPem(begins(40_000))).toThrow(/limit \(PEM blocks\) is 20000/);
});

test('base64 of every length, and every octet that does not belong in it', () => {
  const block = (body: string) => readPem(Buffer.from(`-----BEGIN X-----\n${body}\n-----END X-----`, 'latin1'))[0]!;
  for (let length = 1; length < 200; length++) {
    const bytes = Buffer.alloc(length, length);
    expect(Buffer.from(block(bytes.toString('base64')).bytes!)).toEqual(bytes);
    expect(Buffer.from(block(` ${bytes.toString('base64').split('').join('\r\n\t')} `).bytes!)).toEqual(bytes);
  }
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet);
    const belongs = /[A-Za-z0-9+/=\t\n\v\f\r ]/.test(character);
    expect(block(`AAA${character}AAAA`).bytes !== undefined).toBe(belongs && !/[\s=]/.test(character));
  }
  for (const bad of ['', '=', 'A', 'AA', 'AAA', 'A===', 'AA=A', 'AAAA=', '====', 'AAAA====', 'AA==AAAA'])
    expect(block(bad).problem).toMatch(/^PEM block 1 \(X\) is not valid base64 in line [12]$/);
});

test.each(['\n', '\r\n', '\r'])('what is not base64 is said with its block and line, with line ends of %j', (end) => {
  const good = fixture('leaf.pem').toString().trimEnd().split('\n');
  const damaged = (line: number, text: string) => good.map((was, i) => (i === line ? text : was));
  const lines = [
    'a comment',
    ...good,
    ...damaged(3, 'AAAA…'),
    ...good,
    ...damaged(good.length - 2, 'A'),
    ...damaged(1, '[…]'),
  ];
  const problems = readPem(Buffer.from(lines.join(end))).map(({ problem }) => problem);
  expect(problems).toEqual([
    undefined,
    `PEM block 2 (CERTIFICATE) is not valid base64 in line ${1 + good.length + 4}`,
    undefined,
    `PEM block 4 (CERTIFICATE) is not valid base64 in line ${1 + 4 * good.length - 1}`,
    `PEM block 5 (CERTIFICATE) is not valid base64 in line ${1 + 4 * good.length + 2}`,
  ]);
});

test('20,000 blocks that are not base64 have their lines counted once', () => {
  const content = Buffer.from('-----BEGIN X-----\n!\n-----END X-----\n\n\n'.repeat(20_000));
  const start = process.cpuUsage();
  expect(readPem(content).at(-1)!.problem).toBe('PEM block 20000 (X) is not valid base64 in line 99997');
  const used = process.cpuUsage(start);
  // Counted anew for each block it would be a second for every 500 of them.
  expect(used.user + used.system).toBeLessThan(2_000_000);
});
