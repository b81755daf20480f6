/** Aligned columns for people. */
export function table(headings: string[], rows: string[][]): string {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(headings), ...rows.map(line)].join('\n');
}

/** Name and value, a line each. */
export function fields(values: [string, string][]): string {
  const width = Math.max(...values.map(([name]) => name.length));
  return values
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name.padEnd(width)}  ${value.replaceAll('\n', `\n${' '.repeat(width + 2)}`)}`)
    .join('\n');
}

export const day = (time: string): string => time.slice(0, 10);

/** Prints JSON for scripts, else what `text` makes for people. */
export function print(json: boolean, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(value, null, 2) : text()}\n`);
}

/** A number for people: 1,234. */
export const count = (number: number): string => number.toLocaleString('en-US');

/** "1 certificate", "2 certificates". */
export const plural = (number: number, noun: string): string => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;

/** Bytes for people: "512 bytes", "1.5 MiB". */
export function size(bytes: number): string {
  if (bytes < 1024) return plural(bytes, 'byte');
  const [unit, divisor] =
    bytes < 1024 ** 2 ? ['KiB', 1024] : bytes < 1024 ** 3 ? ['MiB', 1024 ** 2] : ['GiB', 1024 ** 3];
  return `${Number((bytes / Number(divisor)).toFixed(1))} ${unit}`;
}
