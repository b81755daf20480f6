import { describe, expect, test } from 'vitest';
import { pemPieces } from './pem-pieces.ts';

const block = (body: string, label = 'CERTIFICATE') => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----`;

async function piecesOf(text: string, chunkBytes = 64 * 1024): Promise<string[]> {
  async function* chunks() {
    for (let at = 0; at < text.length; at += chunkBytes) yield await Buffer.from(text.slice(at, at + chunkBytes));
  }
  const pieces: string[] = [];
  for await (const piece of pemPieces(chunks())) pieces.push(piece);
  return pieces;
}

describe('the pieces of a PEM text', () => {
  test('are its blocks alone, wherever the text is cut', async () => {
    const blocks = [block('AAAA'), block('BBBB', 'RSA PRIVATE KEY'), block('CCCC')];
    const text = `Bag Attributes\n${blocks[0]}\nsubject=x - ----- y\n${blocks[1]}${blocks[2]}\n-----BEGI\n`;
    for (let bytes = 1; bytes < text.length; bytes++)
      expect((await piecesOf(text, bytes)).join('').replace(/\n-----BEGI\n+$|\n+$/, ''), String(bytes)).toBe(
        blocks.join('\n'),
      );
  });

  test('keep a block without an end, and one whose END line has no dashes, apart from the next', async () => {
    const whole = block('CCCC');
    for (const broken of ['-----BEGIN CERTIFICATE-----\nAAAA\n', '-----BEGIN X-----\nAAAA\n-----END X\n'])
      for (const bytes of [1, 7, 1_000])
        expect((await piecesOf(`${broken}${whole}`, bytes)).join('')).toBe(`${broken}\n${whole}\n`);
  });

  test('do not grow with the text between blocks, and have some hundred blocks each', async () => {
    const far = await piecesOf(block('AAAA') + 'a line of text\n'.repeat(1024 * 1024) + block('BBBB'));
    expect(far).toEqual([`${block('AAAA')}\n${block('BBBB')}\n`]);
    const many = await piecesOf(`${block('A'.repeat(1_000))}\n`.repeat(1_000));
    expect(many.length).toBe(5);
    expect(Math.max(...many.map((piece) => piece.length))).toBeLessThan(256 * 1024 + 2);
    expect(many.join('').match(/BEGIN/g)!.length).toBe(1_000);
  });

  test('a block without an end is not kept in memory whole', async () => {
    const [first] = await piecesOf(`-----BEGIN CERTIFICATE-----\n${'A'.repeat(30 * 1024 * 1024)}`);
    expect(first!.length).toBeGreaterThan(10 * 1024 * 1024);
    expect(first!.length).toBeLessThan(11 * 1024 * 1024);
  });
});
