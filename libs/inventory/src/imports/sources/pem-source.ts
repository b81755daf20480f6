import { AppError } from '@certferry/core';
import { firstOfPem } from '../arrivals.ts';
import { checkFormat } from '../import-certificates.ts';
import { failedItem } from '../import.ts';
import { certificateUnits, keyUnits, type OpenedContainer } from './container-units.ts';
import { done, type Batch, type SourceContext, type Unit } from './import-source.ts';
import { pemPieces } from './pem-pieces.ts';

const CERTIFICATE = /-----BEGIN [A-Z0-9 ]*(CERTIFICATE|PKCS7)-----/g;
/** What is wrong with a piece for these is wrong with all that comes. */
const ENDING = ['WRONG_PASSWORD', 'PASSWORD_REQUIRED'];

/**
 * A PEM file of any size, piece by piece: first its certificates, with the keys that stand near them; then, when all
 * certificates are there, the keys whose certificate stands elsewhere.
 */
export async function* pemSource(context: SourceContext): AsyncGenerator<Batch> {
  let total = await countCertificates(context);
  let [units, keys] = [0, 0];
  for await (const piece of openPieces(context)) {
    const own = piece.failure ?? certificateUnits(piece.opened, context.request);
    units += own.length;
    keys += piece.failure ? 0 : keyUnits(piece.opened).length;
    yield { units: shifted(own, piece.base), total, format: 'pem', notices: piece.opened?.found.notices ?? [] };
    if (context.request.firstOfPem && own.length > 0) return;
  }
  if (keys === 0) return;
  total = units + keys;
  for await (const { base, opened } of openPieces(context))
    if (opened) yield { units: shifted(keyUnits(opened), base), total };
}

async function countCertificates({ contents, job }: SourceContext): Promise<number> {
  let count = 0;
  for await (const piece of pemPieces(contents.read(job._id))) count += piece.match(CERTIFICATE)?.length ?? 0;
  return count;
}

type Piece = { base: number } & (
  { opened: OpenedContainer; failure?: undefined } | { opened?: undefined; failure: Unit[] }
);

/** Each piece as a container; `base` is the index of its first block in the file. */
async function* openPieces({
  contents,
  parser,
  job,
  request,
  passwords,
  signal,
}: SourceContext): AsyncGenerator<Piece> {
  let base = 0;
  for await (const piece of pemPieces(contents.read(job._id))) {
    try {
      const { inspection, privateKeys } = await parser.open(
        { content: Buffer.from(piece, 'latin1'), ...passwords },
        { signal },
      );
      const found = request.firstOfPem ? firstOfPem(inspection!) : inspection!;
      checkFormat(found, request);
      yield { base, opened: { found, privateKeys } };
      const { certificates, keys, failures } = inspection!;
      base += Math.max(-1, ...[...certificates, ...keys, ...failures].map(({ index }) => index)) + 1;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'INVALID_ARGUMENT' || ENDING.includes(error.reason))
        throw error;
      const item = failedItem(0, error);
      yield { base, failure: [{ index: 0, run: () => Promise.resolve(done(item)) }] };
      base++;
    }
  }
}

const shifted = (units: Unit[], base: number): Unit[] =>
  units.map(({ index, run }) => ({
    index: base + index,
    run: async (saving) => {
      const { item, certificateIds } = await run(saving);
      return { item: { ...item, index: base + index }, certificateIds };
    },
  }));
