const BEGIN = '-----BEGIN ';
const END = '-----END ';
const DASHES = '-----';
const PIECE_CHARACTERS = 256 * 1024;
/** More than any container may have: such a block goes as far as it was read, and is refused by its size. */
const MAX_BLOCK_CHARACTERS = 10 * 1024 * 1024;

/** The blocks of a PEM text in pieces of some hundred, without the text before, between and behind them. */
export async function* pemPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let piece = '';
  for await (const block of pemBlocks(chunks)) {
    if (piece !== '' && piece.length + block.length > PIECE_CHARACTERS) {
      yield piece;
      piece = '';
    }
    piece += `${block}\n`;
  }
  if (piece !== '') yield piece;
}

async function* pemBlocks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let waiting = '';
  for await (const chunk of chunks) {
    waiting += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
    for (;;) {
      const begin = waiting.indexOf(BEGIN);
      // The mark itself may be cut in two.
      waiting = begin < 0 ? waiting.slice(1 - BEGIN.length) : waiting.slice(begin);
      if (begin < 0) break;
      const end = endOfBlock(waiting);
      if (end < 0) break;
      yield waiting.slice(0, end);
      waiting = waiting.slice(end);
    }
  }
  if (waiting.startsWith(BEGIN)) yield waiting;
}

/** Where the block that the text begins with ends; negative while that is not known. One without an end lasts until the next. */
function endOfBlock(text: string): number {
  const next = text.indexOf(BEGIN, BEGIN.length);
  const end = text.indexOf(END, BEGIN.length);
  if (next >= 0 && (end < 0 || next < end)) return next;
  const dashes = end < 0 ? -1 : text.indexOf(DASHES, end + END.length);
  // These dashes may be those of the next block: END lines without any are met.
  if (dashes < 0 || text.length < dashes + BEGIN.length) return text.length > MAX_BLOCK_CHARACTERS ? text.length : -1;
  return text.startsWith(BEGIN, dashes) ? dashes : dashes + DASHES.length;
}
