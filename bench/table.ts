export function printTable(title: string, headings: string[], rows: (string | number)[][]): void {
  const text = rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? Math.round(cell).toLocaleString('en') : cell)),
  );
  const widths = headings.map((heading, i) => Math.max(heading.length, ...text.map((row) => row[i]!.length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  console.log(
    `${title}\n\n${line(headings)}\n|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|\n${text.map(line).join('\n')}\n`,
  );
}

/** Calls a second, over at least `seconds`. */
export async function rate(seconds: number, run: () => unknown): Promise<number> {
  let calls = 0;
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    await run();
    calls++;
  }
  return (calls * 1000) / (performance.now() - start);
}

export function percentile(values: number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))]!;
}
