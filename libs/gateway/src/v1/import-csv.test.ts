import { text } from 'node:stream/consumers';
import { inventoryV1 } from '@certferry/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestGateway, type TestGateway } from '../testing/open-test-gateway.ts';
import { importItemsCsv } from './import-csv.ts';

let gateway: TestGateway;
const subjects = ['=cmd|A0', '+1', '-1', '@x', '\tx', 'CN="a", "b"\nc', 'CN=plain'];

beforeAll(async () => {
  gateway = await openTestGateway({
    services: {
      imports: {
        // A page an item.
        listImportItems: ({ cursor }) => {
          const index = Number(cursor || '0');
          const item = { index, subject: subjects[index]!, result: inventoryV1.ImportResult.CREATED };
          const nextCursor = index + 1 < subjects.length ? String(index + 1) : '';
          return Promise.resolve({ items: [inventoryV1.ImportItem.fromPartial(item)], nextCursor });
        },
      },
    },
  });
});
afterAll(() => gateway.close());

test('the table has every page; what begins like a formula is a text, what has a comma or a quote is quoted', async () => {
  const rows = await importItemsCsv(gateway.context, { id: 'i', result: inventoryV1.ImportResult.UNSPECIFIED });
  const lines = (await text(rows)).split('\r\n');
  expect(lines.slice(1, -1).map((line) => line.slice(0, line.indexOf(',,,')))).toEqual([
    "0,,created,'=cmd|A0",
    "1,,created,'+1",
    "2,,created,'-1",
    "3,,created,'@x",
    "4,,created,'\tx",
    '5,,created,"CN=""a"", ""b""\nc"',
    '6,,created,CN=plain',
  ]);
  expect(lines.at(-1)).toBe('');
});
