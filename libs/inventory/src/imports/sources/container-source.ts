import { buffer } from 'node:stream/consumers';
import { filesOf, firstOfPem, toChains } from '../arrivals.ts';
import { checkFormat } from '../import-certificates.ts';
import { certificateUnits, keyUnits } from './container-units.ts';
import type { Batch, SourceContext } from './import-source.ts';

/** A container that is opened as one. */
export async function* containerSource(context: SourceContext): AsyncGenerator<Batch> {
  const { contents, parser, job, request, passwords, signal } = context;
  const content = await buffer(contents.read(job._id));
  const { inspection, privateKeys } = await parser.open({ content, ...passwords }, { signal });
  const found = request.firstOfPem ? firstOfPem(inspection!) : inspection!;
  const opened = { found, privateKeys };
  const files = filesOf(found);
  const units = [...certificateUnits(opened, request), ...keyUnits(opened)].map((unit) => ({
    ...unit,
    file: files.get(unit.index),
  }));
  const format = checkFormat(found, request);
  yield { units, total: units.length, format, notices: found.notices, chains: toChains(found) };
}
