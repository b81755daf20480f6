import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createSecretKeeper, openSecretKeeper } from './secret-keeper.ts';

const keeper = createSecretKeeper(Buffer.alloc(32, 1));
const secret = Buffer.from('canary');

test('a secret opens with its key and context only, and is not in its sealed form', () => {
  const sealed = keeper.seal(secret, 'certificate:1:key');
  expect(keeper.open(sealed, 'certificate:1:key')).toEqual(secret);
  expect(sealed.includes(secret)).toBe(false);
  expect(keeper.seal(secret, 'certificate:1:key').equals(sealed)).toBe(false);
  expect(() => keeper.open(sealed, 'certificate:2:key')).toThrow(/changed or moved/);
  expect(() => createSecretKeeper(Buffer.alloc(32, 2)).open(sealed, 'certificate:1:key')).toThrow(
    /not the configured one/,
  );
});

test('any changed byte is noticed', () => {
  const sealed = keeper.seal(secret, 'x');
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed);
    changed[i] = changed[i]! ^ 1;
    expect(() => keeper.open(changed, 'x')).toThrow();
  }
});

test('the key file is made once with mode 0600, and never in place of a lost one', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'certferry-kek-')), 'kek');
  expect(() => openSecretKeeper(path, { create: false })).toThrow(/restore the file/);
  const sealed = openSecretKeeper(path, { create: true }).seal(secret, 'x');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(openSecretKeeper(path, { create: false }).open(sealed, 'x')).toEqual(secret);
  writeFileSync(path, 'short');
  expect(() => openSecretKeeper(path, { create: true })).toThrow(/32 bytes/);
});
