import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

test('npm run fuzz: no mutated input makes the parser throw anything but its own errors', () => {
  const output = execFileSync('npm', ['run', '--silent', 'fuzz', '--', '5000', '7'], { cwd: root, encoding: 'utf8' });
  console.log(output);
  expect(output).toMatch(
    /^fuzz: 5000 inputs from \d+ seeds, [1-9]\d* read, [1-9]\d* containers opened, 0 crashes, 0 over 100 ms/m,
  );
});
