import { makeCertificate } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { openContainer } from './open-container.ts';

const BACKSLASHES = /^Backslash escapes .* were undone\.$/;
const URL_ENCODING = /^URL encoding, .* was undone\.$/;
const HTML = 'HTML escapes and tags were undone.';

/** A key and its certificate that has base64 of every kind: both signs and padding. */
async function makePair(): Promise<string> {
  for (;;) {
    const { pem, keyPem } = await makeCertificate({ commonName: 'escaped', names: ['*.example.com'] });
    const text = keyPem + pem;
    if (text.includes('+') && text.includes('/') && text.includes('=')) return text;
  }
}

const lines = (text: string) => text.trimEnd().split('\n');
const everywhere = (text: string, signs: string, escape: (sign: string) => string) =>
  [...text].map((sign) => (signs.includes(sign) ? escape(sign) : sign)).join('');
const hex = (sign: string) => sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');

const pair = await makePair();
const json = JSON.stringify(pair);

describe('PEM that was escaped is read as it was, and a notice says what was undone', () => {
  test.each<[string, string, unknown]>([
    ['\\n', pair.replaceAll('\n', '\\n'), BACKSLASHES],
    ['\\r\\n', pair.replaceAll('\n', '\\r\\n'), BACKSLASHES],
    ['\\n twice escaped', pair.replaceAll('\n', '\\\\n'), BACKSLASHES],
    ['\\r\\n twice escaped', pair.replaceAll('\n', '\\\\r\\\\n'), BACKSLASHES],
    ['a JSON string', json, BACKSLASHES],
    ['a JSON string in a JSON string', JSON.stringify(json), BACKSLASHES],
    ["PHP's JSON, which escapes slashes", json.replaceAll('/', '\\/'), BACKSLASHES],
    [".NET's JSON, which escapes plus signs", json.replaceAll('+', '\\u002B'), BACKSLASHES],
    ['an environment file', `A=1\nTLS_KEY='${pair.replaceAll('\n', '\\n')}'\nB="${'x\\n'}"\n`, BACKSLASHES],
    ['lines that are continued', pair.replaceAll('\n', '\\n\\\n'), BACKSLASHES],
    [
      'a Java properties file',
      `key=${everywhere(pair.replaceAll('\n', '\\n'), '=:', (sign) => `\\${sign}`)}`,
      BACKSLASHES,
    ],
    [
      'a literal of C',
      lines(pair)
        .map((line) => `  "${line}\\n"`)
        .join('\n'),
      BACKSLASHES,
    ],
    [
      'a literal of Java',
      lines(pair)
        .map((line) => `"${line}\\n"`)
        .join(' +\n    '),
      BACKSLASHES,
    ],
    ['URL encoding', encodeURIComponent(pair), URL_ENCODING],
    ["nginx's $ssl_client_escaped_cert", everywhere(pair, ' \n+/=', (sign) => `%${hex(sign)}`), URL_ENCODING],
    [
      "ALB's X-Amzn-Mtls-Clientcert, which leaves +, = and /",
      everywhere(pair, ' \n', (sign) => `%${hex(sign)}`),
      URL_ENCODING,
    ],
    ['URL encoding twice', encodeURIComponent(encodeURIComponent(pair)), URL_ENCODING],
    ['URL encoding of every sign', everywhere(pair, '- \n+/=', (sign) => `%${hex(sign)}`), URL_ENCODING],
    ['a form field', new URLSearchParams({ pem: pair }).toString(), URL_ENCODING],
    ["Envoy's X-Forwarded-Client-Cert", `Hash=ab12;Cert="${encodeURIComponent(pair)}";Subject="CN=x"`, URL_ENCODING],
    ['HTML plus signs', pair.replaceAll('+', '&#43;'), HTML],
    ['HTML plus signs in hexadecimal', pair.replaceAll('+', '&#x2B;'), HTML],
    ['HTML by names', everywhere(pair, '+/=', (s) => ({ '+': '&plus;', '/': '&sol;', '=': '&equals;' })[s]!), HTML],
    ['HTML escaped twice', pair.replaceAll('+', '&amp;#43;'), HTML],
    ['HTML line breaks', lines(pair).join('&#10;'), HTML],
    ['HTML line breaks of Windows', lines(pair).join('&#13;&#10;'), HTML],
    ['HTML <br>', lines(pair).join('<br>'), HTML],
    ['HTML <br/> and lines', lines(pair).join('<br />\n'), HTML],
    [
      'HTML paragraphs',
      lines(pair)
        .map((line) => `<p class="x">${line.replaceAll(' ', '&nbsp;')}</p>`)
        .join('\n'),
      HTML,
    ],
    ['HTML of every sign', everywhere(pair, '- \n+/=', (sign) => `&#${sign.charCodeAt(0)};`), HTML],
  ])('%s', (_, text, notice) => {
    const expected = openContainer(Buffer.from(pair), {});
    const { certificates, keys, failures, notices } = openContainer(Buffer.from(text), {});
    expect([certificates, keys, failures]).toEqual([expected.certificates, expected.keys, []]);
    expect(expected.notices).toEqual([]);
    expect(notices).toEqual([typeof notice === 'string' ? notice : expect.stringMatching(notice as RegExp)]);
  });
});

test('signs around PEM blocks are left alone, and nothing is said of them', () => {
  const around = `C:\\new\\name 100% <b>&#43;\n${pair}\\n&plus;%0A\n`;
  const { certificates, keys, notices } = openContainer(Buffer.from(around), {});
  expect([certificates.length, keys.length, notices]).toEqual([1, 1, []]);
});

test.each<[string, (text: string) => string]>([
  ["nginx's $ssl_client_cert, with a tab before each line", (text) => text.trimEnd().replaceAll('\n', '\n\t')],
  ['blanks for line breaks, as of an unquoted variable of a shell', (text) => text.replaceAll('\n', ' ')],
  ['no line breaks at all', (text) => text.replaceAll('\n', '')],
])('%s, is read without a word', (_, change) => {
  const { certificates, keys, notices } = openContainer(Buffer.from(change(pair)), {});
  expect([certificates.length, certificates[0]?.key, keys.length, notices]).toEqual([1, 0, 1, []]);
});

test('an encrypted traditional key in an environment file keeps its headers', () => {
  const header = 'Proc-Type: 4,ENCRYPTED\\r\\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\\r\\n\\r\\n';
  const text = `KEY="-----BEGIN RSA PRIVATE KEY-----\\r\\n${header}AAAAAAAAAAAAAAAAAAAAAA==\\r\\n-----END RSA PRIVATE KEY-----"`;
  expect(() => openContainer(Buffer.from(text), {})).toThrow(/is encrypted: send its password/);
  expect(() => openContainer(Buffer.from(text), { password: 'x' })).toThrow(/password does not open/);
});

test.each<[string, (size: number) => string]>([
  ['backslashes', (size) => `-----BEGIN X-----${'\\'.repeat(size)}`],
  ['quotes and blanks', (size) => `-----BEGIN X-----\\${'" '.repeat(size / 4)}${' '.repeat(size / 2)}`],
  ['tags that do not end', (size) => `-----BEGIN X-----${'<'.repeat(size)}`],
  ['ampersands', (size) => `-----BEGIN X-----${'&#'.repeat(size / 2)}`],
  ['BEGIN lines', (size) => '-----BEGIN X-----&'.repeat(size / 18)],
  ['dashes', (size) => `%BEGIN${'-'.repeat(size)}`],
])('%s take linear time', (_, make) => {
  const seconds = (size: number) => {
    const start = process.cpuUsage();
    expect(() => openContainer(Buffer.from(make(size)), {})).toThrow();
    const used = process.cpuUsage(start);
    return (used.user + used.system) / 1e6;
  };
  seconds(20_000);
  // Quadratic would be minutes.
  expect(seconds(2_000_000)).toBeLessThan(3);
});
