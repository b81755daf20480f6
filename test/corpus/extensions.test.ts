import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { explainExtensions, readCertificate, readPem, X509Error } from '@certferry/x509';
import { requireInfra } from '@certferry/testing';
import { describe, expect, test } from 'vitest';

const CORPUS = '/usr/lib/python3/dist-packages/cryptography_vectors/x509';
const EXPECTED = join(import.meta.dirname, 'extensions.txt');

const files = (existsSync(CORPUS) ? (readdirSync(CORPUS, { recursive: true }) as string[]) : [])
  .filter((name) => ['.pem', '.der'].includes(extname(name)) && statSync(join(CORPUS, name)).isFile())
  .toSorted();
if (files.length === 0 && requireInfra)
  throw new Error('python3-cryptography-vectors is not installed, and REQUIRE_INFRA=1 asks for it');
if (files.length === 0) console.warn('skipped: the corpus python3-cryptography-vectors is not installed');

/** The certificate of a file; undefined for what is none, or none that is read. */
function certificateOf(name: string): Uint8Array | undefined {
  const content = readFileSync(join(CORPUS, name));
  const der = extname(name) === '.der' ? content : readPem(content)[0]?.bytes;
  try {
    if (der) readCertificate(der);
    return der;
  } catch (error) {
    if (!(error instanceof X509Error)) throw error;
    return undefined;
  }
}

/** What OpenSSL prints of the extensions, in pieces that do not depend on its layout. */
function opensslSays(path: string): string[] {
  const form = extname(path) === '.der' ? 'DER' : 'PEM';
  const args = ['x509', '-in', path, '-inform', form, '-noout', '-text', '-certopt', 'no_header,no_pubkey,no_sigdump'];
  const text = spawnSync('openssl', args, { encoding: 'utf8' }).stdout;
  const found = [...text.matchAll(/(?:URI|DNS|email|Registered ID|CPS|^ +Policy): ?(\S+?)(?:,|$)/gm)].map(
    ([, value]) => value!,
  );
  const times = [...text.matchAll(/Timestamp : (.+)$/gm)].map(([, time]) => new Date(time!).toISOString());
  const keys = [...text.matchAll(/^ +(?:keyid:)?((?:[0-9A-F]{2}:){19}[0-9A-F]{2})$/gm)].map(([, hex]) =>
    hex!.replaceAll(':', '').toLowerCase(),
  );
  return [...found, ...times, ...keys].filter((value) => /^[\x21-\x7e]+$/.test(value));
}

describe.skipIf(files.length === 0)('extensions of the corpus', () => {
  test('every one has the words that are expected of it, and what OpenSSL names is in them', () => {
    let compared = 0;
    const lines = files.flatMap((name) => {
      const der = certificateOf(name);
      if (!der) return [];
      const extensions = explainExtensions(der);
      const ours = extensions.flatMap(({ text }) => text).join('\n');
      const missing = opensslSays(join(CORPUS, name)).filter((value) => !ours.includes(value));
      compared += opensslSays(join(CORPUS, name)).length;
      return extensions.map(({ oid, name: title, critical, text, value }) => {
        const said = text.length > 0 ? JSON.stringify(text) : `#${Buffer.from(value).toString('hex').slice(0, 80)}`;
        return `${name}\t${title || oid}${critical ? ' (critical)' : ''}\t${said}${missing.length > 0 ? `\tonly OpenSSL: ${missing.join(' ')}` : ''}`;
      });
    });
    console.log(
      `extensions: ${lines.length} of ${files.length} files, ${compared} values that OpenSSL prints looked for`,
    );
    const actual = `${lines.join('\n')}\n`;
    if (process.env['CORPUS_ACCEPT'] === '1') writeFileSync(EXPECTED, actual);
    expect(actual.split('\n')).toEqual(readFileSync(EXPECTED, 'utf8').split('\n'));
  });
});
