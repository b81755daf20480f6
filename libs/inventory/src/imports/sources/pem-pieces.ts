const BEGIN = '-----BEGIN ';
const PIECE_CHARACTERS = 256 * 1024;

/** A PEM text in pieces of some hundred blocks, cut before a block begins; what stands before the first block is left out. */
export async function* pemPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let waiting = '';
  for await (const chunk of chunks) {
    waiting += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
    for (;;) {
      const begin = waiting.indexOf(BEGIN);
      // The mark itself may be cut in two.
      waiting = begin < 0 ? waiting.slice(1 - BEGIN.length) : waiting.slice(begin);
      if (begin < 0 || waiting.length < PIECE_CHARACTERS) break;
      const cut = waiting.lastIndexOf(BEGIN, PIECE_CHARACTERS);
      // One block that is larger than a piece goes as it is: it is refused by its size.
      const end = cut > 0 ? cut : waiting.indexOf(BEGIN, 1);
      if (end < 0) break;
      yield waiting.slice(0, end);
      waiting = waiting.slice(end);
    }
  }
  if (waiting.startsWith(BEGIN)) yield waiting;
}
