import { expect, test } from 'vitest';
import { splitName } from './name.ts';

const value = (text: string) => splitName(`CN=${text}`).flat()[0]!.value;

test('a name is split into RDNs and attributes', () => {
  expect(splitName('CN=web1+UID=7,O=Acme\\, Inc.,2.5.4.99=x=y')).toEqual([
    [
      { type: 'CN', value: 'web1' },
      { type: 'UID', value: '7' },
    ],
    [{ type: 'O', value: 'Acme, Inc.' }],
    [{ type: '2.5.4.99', value: 'x=y' }],
  ]);
  expect(splitName('')).toEqual([]);
});

test('a value in hexadecimal is the string in it; what is no string, or no DER, stays', () => {
  expect(splitName('1.2.3.4=#0C0161+CN=\\#0C0161,2.5.4.45=#03020080,1.2.3=#0C,1.2=#0C7')).toEqual([
    [
      { type: '1.2.3.4', value: 'a' },
      { type: 'CN', value: '#0C0161' },
    ],
    [{ type: '2.5.4.45', value: '#03020080' }],
    [{ type: '1.2.3', value: '#0C' }],
    [{ type: '1.2', value: '#0C7' }],
  ]);
});

test('values are unescaped once, from the left', () => {
  expect(value('Z\\C3\\BCrich')).toBe('Zürich');
  expect(value('a\\00b')).toBe('a\0b');
  expect(value('\\\\41')).toBe('\\41');
  expect(value('\\ x\\+\\"')).toBe(' x+"');
});
