import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import type { inventoryV1 } from '@certferry/contracts';
import type { ImportItem } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import { importItemToJson } from './import-json.ts';

const PAGE = 500;
const COLUMNS = [
  'index',
  'file',
  'result',
  'subject',
  'fingerprintSha256',
  'certificateId',
  'hasPrivateKey',
  'changes',
  'reason',
  'message',
  'findings',
] as const satisfies (keyof ImportItem)[];

/** What became of the items of an import as CSV (RFC 4180), however many they are. NOT_FOUND before the first row. */
export async function importItemsCsv(
  { services }: GatewayContext,
  asked: { id: string; result: inventoryV1.ImportResult },
): Promise<Readable> {
  const read = (cursor: string) => services.imports.listImportItems({ ...asked, limit: PAGE, cursor });
  const first = await read('');
  // Rows are asked for by the connection, which knows nothing of who calls.
  const inContext = AsyncLocalStorage.snapshot();
  const rows = async function* (): AsyncGenerator<string> {
    yield row(COLUMNS);
    for (let page = first; ; page = await inContext(read, page.nextCursor)) {
      yield page.items.map((item) => row(cellsOf(importItemToJson(item)))).join('');
      if (page.nextCursor === '') return;
    }
  };
  return Readable.from(rows());
}

function cellsOf(item: ImportItem): string[] {
  const { changes = [], findings = [] } = item;
  const texts = { ...item, changes: changes.join(' '), findings: findings.map(({ code }) => code).join(' ') };
  return COLUMNS.map((column) => String(texts[column] ?? ''));
}

const row = (cells: readonly string[]): string => `${cells.map(cell).join(',')}\r\n`;

/** A spreadsheet computes what begins like a formula, also a subject that somebody chose: an apostrophe makes it a text. */
function cell(value: string): string {
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
