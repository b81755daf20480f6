import type { parserV1 } from '@certferry/contracts';
import type { Client, DeadlineOptions } from '@certferry/rpc';
import type { Contents } from './contents.ts';

export interface ArchiveContext {
  contents: Contents;
  parser: Client<typeof parserV1.ParserServiceDefinition, DeadlineOptions>;
}

/** What the parser says of the archive of an import; `deadlineMs` is for all of it. */
export async function* parseArchive(
  { contents, parser }: ArchiveContext,
  importId: string,
  { deadlineMs, signal, ...options }: Partial<parserV1.ArchiveOptions> & { deadlineMs: number; signal?: AbortSignal },
): AsyncGenerator<NonNullable<parserV1.ParseArchiveResponse['part']>> {
  const call = { deadline: deadlineMs, ...(signal && { signal }) };
  for await (const { part } of parser.parseArchive(toRequests(contents, importId, options), call)) {
    if (part) yield part;
  }
}

async function* toRequests(
  contents: Contents,
  importId: string,
  options: Partial<parserV1.ArchiveOptions>,
): AsyncGenerator<parserV1.ParseArchiveRequest> {
  yield { part: { $case: 'options', value: { summaryOnly: false, skipItems: 0, passwords: [], ...options } } };
  for await (const value of contents.read(importId)) yield { part: { $case: 'chunk', value } };
}
