import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkConfig, configSchema } from './check-config.ts';
import { DRIVERS } from './drivers.ts';

const read = (...path: string[]): string => readFileSync(join(import.meta.dirname, ...path), 'utf8');

describe.each(DRIVERS)('the driver of $kind', (driver) => {
  const { kind, title } = driver;

  test('has a test', () => {
    expect(existsSync(join(import.meta.dirname, kind, `${kind}-driver.test.ts`))).toBe(true);
  });

  test('has a page that names every field with its description, and stores.md leads to it', () => {
    const page = read(kind, `${kind}.md`);
    const { properties = {}, required = [] } = configSchema(driver);
    const rows = Object.entries(properties).map(([name, { description, writeOnly }]) => {
      const notes = [required.includes(name) && 'required', writeOnly && 'secret'].filter(Boolean).join(', ');
      return `| \`${name}\` | ${notes} | ${description} |`.replace(/\s+/g, ' ');
    });
    const table = page.split('\n').filter((line) => line.startsWith('| `'));
    expect(table.map((line) => line.replace(/\s+/g, ' '))).toEqual(rows);
    const [, example] = /```json\n([^]*?)```/.exec(page)!;
    expect(() => checkConfig(driver, JSON.parse(example!) as Record<string, unknown>)).not.toThrow();
    expect(page.split('\n')[0]).toBe(`# ${title} (\`${kind}\`)`);
    expect(read('../../../docs/stores.md')).toContain(`[${title}](../libs/store-drivers/src/${kind}/${kind}.md)`);
  });
});

test('no two kinds have one Keyfactor type', () => {
  const types = DRIVERS.flatMap(({ keyfactorType }) => keyfactorType ?? []);
  for (const key of ['id', 'shortName'] as const)
    expect(new Set(types.map((type) => type[key])).size).toBe(types.length);
});
