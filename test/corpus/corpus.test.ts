import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { AppError } from '@certferry/core';
import { requireInfra } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { openContainer } from '../../libs/parser/src/open-container.ts';

/** Debian's package python3-cryptography-vectors: PKITS, PKCS#12, PKCS#8 and OpenSSH keys, requests, certificates that are odd. */
const CORPUS = '/usr/lib/python3/dist-packages/cryptography_vectors';
const EXPECTED = join(import.meta.dirname, 'expected.txt');
/** Every password that the corpus documents. */
const PASSWORDS = [
  undefined,
  '',
  'password',
  'cryptography',
  'foobar',
  'baz',
  'asdf',
  '123456',
  'PolarSSLTest',
  'Red Hat Enterprise Linux 7.4',
  'hunter2',
  'a123456',
  'wheatley',
  'notapassword',
];
/** Test vectors of ciphers and digests: no containers. */
const TEXT = new Set([
  '.rsp',
  '.txt',
  '.fax',
  '.json',
  '.py',
  '.pyc',
  '.sh',
  '.schema',
  '.ldif',
  '.input',
  '.cp',
  '.pub',
  '',
]);

interface Outcome {
  text: string;
  read: boolean;
}

function outcomeOf(content: Uint8Array): Outcome {
  let last = '';
  for (const password of PASSWORDS) {
    try {
      const { format, certificates, keys, failures, notices } = openContainer(content, { password });
      const failed = failures.map(({ reason }) => reason).join(',');
      const text = `${format} certificates=${certificates.length} keys=${keys.length}${failed && ` failed=${failed}`}${notices.length > 0 ? ` notices=${notices.length}` : ''}`;
      return { text, read: certificates.length > 0 || keys.length > 0 };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      last = error.reason;
      if (!['PASSWORD_REQUIRED', 'WRONG_PASSWORD', 'MALFORMED'].includes(last)) break;
    }
  }
  return { text: last, read: false };
}

/** Whether OpenSSL reads it as a certificate, a key or a PKCS#12 file, with one of the passwords. */
function opensslReads(path: string): boolean {
  const succeeds = (...args: string[]) => spawnSync('openssl', args, { stdio: 'ignore', input: '' }).status === 0;
  const extension = extname(path);
  if (extension === '.p12')
    return PASSWORDS.some((password) =>
      succeeds('pkcs12', '-in', path, '-legacy', '-nodes', '-passin', `pass:${password ?? ''}`),
    );
  if (succeeds('x509', '-in', path, '-noout', '-fingerprint')) return true;
  return PASSWORDS.some((password) => succeeds('pkey', '-in', path, '-noout', '-passin', `pass:${password ?? ''}`));
}

const files = (existsSync(CORPUS) ? (readdirSync(CORPUS, { recursive: true }) as string[]) : [])
  .filter((name) => !TEXT.has(extname(name)) && statSync(join(CORPUS, name)).isFile())
  .toSorted();
if (files.length === 0 && requireInfra)
  throw new Error('python3-cryptography-vectors is not installed, and REQUIRE_INFRA=1 asks for it');
if (files.length === 0) console.warn('skipped: the corpus python3-cryptography-vectors is not installed');

describe.skipIf(files.length === 0)('the corpus', () => {
  test(
    'every file has the outcome that is expected of it, and OpenSSL agrees or the difference is known',
    { timeout: 300_000 },
    () => {
      const table = new Map<string, [both: number, neither: number, ours: number, theirs: number]>();
      const lines = files.map((name) => {
        const { text, read } = outcomeOf(readFileSync(join(CORPUS, name)));
        const compared = ['.pem', '.der', '.crt', '.key', '.p12'].includes(extname(name));
        const theirs = compared ? opensslReads(join(CORPUS, name)) : undefined;
        const row = table.get(extname(name)) ?? [0, 0, 0, 0];
        table.set(extname(name), row);
        if (theirs !== undefined) row[read ? (theirs ? 0 : 2) : theirs ? 3 : 1]++;
        const difference =
          theirs === undefined || theirs === read
            ? ''
            : theirs
              ? '\tonly OpenSSL reads it'
              : '\tOpenSSL does not read it';
        return `${name}\t${text}${difference}`;
      });
      console.log(`corpus: ${files.length} files; by ending: both read, neither, only Certferry, only OpenSSL`);
      for (const [ending, row] of table)
        if (row.some((count) => count > 0)) console.log(`corpus: ${ending} ${row.join(' ')}`);
      const actual = `${lines.join('\n')}\n`;
      if (process.env['CORPUS_ACCEPT'] === '1') writeFileSync(EXPECTED, actual);
      expect(actual.split('\n')).toEqual(readFileSync(EXPECTED, 'utf8').split('\n'));
    },
  );
});
