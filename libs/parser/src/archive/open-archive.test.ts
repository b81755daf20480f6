import { createPrivateKey } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { hasProgram, makeCertificate, makeChain, temporaryFolder, zip } from '@certferry/testing';
import { IterationBudget } from '@certferry/x509';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Container } from '../container.ts';
import type { Passwords } from '../formats/format.ts';
import { openAny } from './open-archive.ts';

const fixture = (name: string) => readFileSync(new URL(`../../../x509/fixtures/${name}`, import.meta.url));

type Files = Record<string, string | Buffer>;

/** A folder with these files, as a person has it. */
function folderOf(files: Files): string {
  const folder = temporaryFolder('archive');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const made = (folder: string, program: string, ...args: string[]): Buffer => {
  execFileSync(program, args, { cwd: folder, stdio: 'pipe' });
  return readFileSync(
    join(
      folder,
      args.find((one) => /\.(zip|tar|tgz)$/.test(one))!,
    ),
  );
};
const zipped = (files: Files, ...options: string[]) => made(folderOf(files), 'zip', '-r', ...options, 'a.zip', '.');
const tarred = (files: Files, ...options: string[]) =>
  made(folderOf(files), 'tar', '-cf', 'a.tar', ...options, ...Object.keys(files));

/** Each certificate with its file and the file of its key; each failure with its file. */
function summary({ format, certificates, keys, failures }: Container) {
  return {
    format,
    certificates: Object.fromEntries(
      certificates.map(({ facts, file, key }) => [facts.commonName, [file, key === undefined ? '' : keys[key]!.file]]),
    ),
    failures: Object.fromEntries(failures.map(({ file, reason }) => [file, reason])),
  };
}
const open = async (content: Buffer, passwords: Passwords = {}) => summary(await openAny(content, passwords));
const refused = (content: Buffer, passwords: Passwords = {}) =>
  openAny(content, passwords).then(
    () => undefined,
    (error: unknown) => error,
  );

let chain: Awaited<ReturnType<typeof makeChain>>;
let other: Awaited<ReturnType<typeof makeCertificate>>;
let pkcs7: Buffer;
beforeAll(async () => {
  [chain, other] = [await makeChain('web.example.com'), await makeCertificate({ commonName: 'other' })];
  const path = join(temporaryFolder('p7b'), 'chain.pem');
  writeFileSync(path, chain.intermediate.pem + chain.root.pem);
  pkcs7 = execFileSync('openssl', ['crl2pkcs7', '-nocrl', '-certfile', path, '-outform', 'DER']);
});

/** What a CA mails and a hosting panel offers, and what the systems of people add to it. */
const mailed = (): Files => ({
  'web_example_com.crt': chain.leaf.pem,
  'private/web_example_com.key': chain.leaf.keyPem,
  'web_example_com.ca-bundle': chain.intermediate.pem,
  'windows/chain.p7b': pkcs7,
  'other.der': other.der,
  '__MACOSX/._web_example_com.crt': 'x',
  '.DS_Store': Buffer.from('\0\0\0\u0001Bud1'),
  'README.txt': 'How to install your certificate: see the page.',
  'help/install.html': '<p>-----BEGIN CERTIFICATE-----<br>Your certificate here<br>-----END CERTIFICATE-----</p>',
  'Support.url': '[InternetShortcut]\r\nURL=https://ca.example/\r\n',
  'Certificates.lnk': Buffer.from('4c0000000114020000000000c000000000000046', 'hex'),
});
const whole = (format: string) => ({
  format,
  certificates: {
    'web.example.com': ['web_example_com.crt', 'private/web_example_com.key'],
    'Issuer of web.example.com': ['web_example_com.ca-bundle', ''],
    'Root of web.example.com': ['windows/chain.p7b', ''],
    other: ['other.der', ''],
  },
  failures: {},
});
const PASSED_OVER = [
  '.DS_Store was passed over: it is of the system that made the archive.',
  'Certificates.lnk was passed over: it is neither a certificate nor a private key.',
  'README.txt was passed over: it is neither a certificate nor a private key.',
  'Support.url was passed over: it is neither a certificate nor a private key.',
  '__MACOSX/._web_example_com.crt was passed over: it is of the system that made the archive.',
];

describe.skipIf(!hasProgram('zip'))('a ZIP', () => {
  test('of a CA’s mail: paired and ordered over its files, and what is not ours is named', async () => {
    const container = await openAny(zipped(mailed()), {});
    expect(summary(container)).toEqual(whole('ZIP'));
    expect(container.notices).toEqual(expect.arrayContaining(PASSED_OVER));
    expect(container.notices.find((one) => one.startsWith('help/install.html'))).toMatch(/was passed over: /);
    const named = container.chains.map((one) =>
      one.certificates.map((position) => container.certificates[position]!.facts.commonName),
    );
    expect(named).toContainEqual(['web.example.com', 'Issuer of web.example.com', 'Root of web.example.com']);
    const indexes = [...container.certificates, ...container.keys].map(({ index }) => index);
    expect(new Set(indexes).size).toBe(indexes.length);
  });

  test('whose files are not packed is no PEM, though its first bytes have some: the PFX and the DER are there', async () => {
    const content = zipped(
      { 'a.pem': other.pem, 'b.p12': fixture('openssl-default.p12'), 'c.der': chain.leaf.der },
      '-0',
    );
    expect(content.includes('-----BEGIN CERTIFICATE-----')).toBe(true);
    const { format, certificates } = await open(content, { password: 'changeit' });
    expect([format, certificates.other, certificates['web1.example.com'], certificates['web.example.com']]).toEqual([
      'ZIP',
      ['a.pem', ''],
      ['b.p12', 'b.p12'],
      ['c.der', ''],
    ]);
  });

  test('in base64, as REST clients send it', async () => {
    const content = zipped({ 'a.crt': other.pem, 'a.key': other.keyPem });
    expect((await open(Buffer.from(content.toString('base64')))).certificates).toEqual({ other: ['a.crt', 'a.key'] });
  });

  test('an archive in it and a damaged certificate are failures of their files; the rest is read', async () => {
    const files = {
      'inner.zip': zipped({ 'a.crt': other.pem }),
      'inner.tgz': gzipSync('x'),
      'bad.crt': 'not a certificate',
      'cut.p12': fixture('openssl-default.p12').subarray(0, 900),
      'good.crt': other.pem,
    };
    expect(await open(zipped(files))).toEqual({
      format: 'ZIP',
      certificates: { other: ['good.crt', ''] },
      failures: {
        'inner.zip': 'NESTED_ARCHIVE',
        'inner.tgz': 'NESTED_ARCHIVE',
        'bad.crt': 'UNKNOWN_FORMAT',
        'cut.p12': 'TRUNCATED',
      },
    });
  });

  test('what two files hold is there once, and that is said', async () => {
    const { leaf, intermediate } = chain;
    const container = await openAny(
      zip([
        ['cert.pem', leaf.pem],
        ['fullchain.pem', leaf.pem + intermediate.pem],
        ['privkey.pem', leaf.keyPem],
        ['privkey-copy.pem', leaf.keyPem],
      ]),
      {},
    );
    expect(summary(container).certificates).toEqual({
      'web.example.com': ['cert.pem', 'privkey.pem'],
      'Issuer of web.example.com': ['fullchain.pem', ''],
    });
    expect(container.keys.length).toBe(1);
    expect(container.notices).toEqual([
      'fullchain.pem: One certificate or key that cert.pem has already, listed there.',
      'privkey-copy.pem: One certificate or key that privkey.pem has already, listed there.',
    ]);
  });

  test('the keystore of a server of licenses is no license to read: its wrong password is a failure', async () => {
    const { pem, keyPem } = await makeCertificate({ commonName: 'license.example.test' });
    const key = createPrivateKey(keyPem).export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    });
    const files: Parameters<typeof zip>[0] = [
      ['license.example.test.crt', pem],
      ['license.example.test.key', key.toString()],
    ];
    const { certificates, failures } = await openAny(zip(files), { password: 'wrong' });
    expect(certificates).toHaveLength(1);
    expect(failures).toMatchObject([{ reason: 'WRONG_PASSWORD', file: 'license.example.test.key' }]);
    await expect(openAny(zip(files.slice(1)), { password: 'wrong' })).rejects.toMatchObject({
      reason: 'WRONG_PASSWORD',
    });
  });

  test('a file that the archive encrypts is a failure that says what to do', async () => {
    const folder = folderOf({ 'a.crt': other.pem, 'a.key': other.keyPem });
    execFileSync('zip', ['a.zip', 'a.crt'], { cwd: folder });
    const content = made(folder, 'zip', '-P', 'secret', 'a.zip', 'a.key');
    const container = await openAny(content, {});
    expect(container.failures).toMatchObject([{ file: 'a.key', reason: 'UNSUPPORTED_ALGORITHM' }]);
    expect(container.failures[0]!.message).toMatch(/encrypted by the archive: unpack it/);
  });

  test('names of Windows’ own tools, with backslashes, and of other alphabets', async () => {
    const content = zip([
      ['firma\\www.crt', other.pem],
      ['schlüssel/証明書.key', other.keyPem],
    ]);
    expect((await open(content)).certificates).toEqual({ other: ['firma/www.crt', 'schlüssel/証明書.key'] });
    for (const name of ['../a.crt', '/etc/a.crt', 'x\\..\\..\\a.crt'])
      expect(await refused(zip([[name, other.pem]]))).toMatchObject({ reason: 'UNSAFE_NAME' });
  });

  test('one in which there is nothing of ours is refused, and says what was in it', async () => {
    expect(await refused(zipped({ 'README.txt': 'hello' }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'NOTHING_TO_IMPORT',
      message:
        'The archive holds no certificate and no private key. README.txt was passed over: it is neither a certificate nor a private key.',
    });
    expect(await refused(zip([]))).toMatchObject({ reason: 'EMPTY' });
    expect(await refused(zipped({ 'b.p12': fixture('openssl-default.p12') }))).toMatchObject({
      reason: 'PASSWORD_REQUIRED',
      message: expect.stringMatching(/^b\.p12: /),
    });
  });

  test('its limits: entries, unpacked bytes, what it packs', async () => {
    const many = zip(Array.from({ length: 10_001 }, (_, i) => [`${i}.txt`, '']));
    expect(await refused(many)).toMatchObject({ details: { limit: 'archive entries', value: '10000' } });
    expect(await refused(zip([['a.pem', Buffer.alloc(3 * 1024 * 1024)]]))).toMatchObject({
      details: { limit: 'compression ratio' },
    });
    const lying = zip([
      ['a.crt', other.pem, { size: 10 }],
      ['b.crt', other.pem, { crc: 1 }],
    ]);
    expect(await refused(lying)).toMatchObject({ reason: 'MALFORMED', message: expect.stringMatching(/^a\.crt: /) });
  });
});

describe('a list of passwords', () => {
  const pfx = (password: string): Buffer => {
    const folder = folderOf({ 'c.pem': other.pem + other.keyPem });
    const args = ['pkcs12', '-export', '-in', 'c.pem', '-out', 'c.p12', '-passout', `pass:${password}`];
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    return readFileSync(join(folder, 'c.p12'));
  };
  const mixed = () =>
    zip([
      ['a.p12', fixture('openssl-default.p12')],
      ['b.p12', pfx('second')],
      ['c.key', fixture('leaf.encrypted.key')],
      ['d.p12', pfx('nobody knows')],
      ['e.crt', chain.root.pem],
    ]);

  test('is tried on each file; one that none opens is a failure of that file, and names no password', async () => {
    const container = await openAny(mixed(), { password: 'wrong', passwords: ['second', 'changeit'] });
    const { certificates, failures } = summary(container);
    expect(certificates).toMatchObject({
      'web1.example.com': ['a.p12', 'a.p12'],
      other: ['b.p12', 'b.p12'],
      'Root of web.example.com': ['e.crt', ''],
    });
    expect(failures).toEqual({ 'd.p12': 'WRONG_PASSWORD' });
    expect(container.failures[0]!.message).toBe('None of the 3 passwords opens it.');
    // It was opened: it is the key of a.p12.
    expect(container.notices).toContain('c.key: One certificate or key that a.p12 has already, listed there.');
  });

  test('opens a container that is no archive', async () => {
    const content = pfx('second');
    expect((await open(content, { passwords: ['first', 'second'] })).certificates.other).toBeDefined();
    expect((await open(content, { passwords: ['second'] })).certificates.other).toBeDefined();
    expect(await refused(content, { passwords: ['first', 'third'] })).toMatchObject({ reason: 'WRONG_PASSWORD' });
    expect(await refused(content, { passwords: Array.from({ length: 101 }, (_, i) => String(i)) })).toMatchObject({
      details: { limit: 'passwords', value: '100' },
    });
    expect(await refused(content, { passwords: ['x'.repeat(1_001)] })).toMatchObject({
      details: { limit: 'password characters' },
    });
  });

  test('has one limit of key derivation for all tries and all files', async () => {
    const limit = IterationBudget.limit;
    try {
      // A file of OpenSSL takes 2,048 iterations for its MAC, and as many for its certificates and its key each.
      IterationBudget.limit = 5 * 2_048;
      const limited = { reason: 'LIMIT_EXCEEDED', details: { limit: 'key derivation iterations' } };
      const wrong = Array.from({ length: 6 }, (_, i) => `wrong ${i}`);
      const content = pfx('right');
      expect((await open(content, { passwords: ['wrong', 'right'] })).certificates.other).toBeDefined();
      expect(await refused(content, { passwords: wrong })).toMatchObject(limited);
      const files: [string, Buffer][] = [
        ['a.p12', fixture('openssl-default.p12')],
        ['b.p12', fixture('openssl-legacy.p12')],
        ['c.crt', Buffer.from(other.pem)],
      ];
      const { certificates, failures } = await open(zip(files), { password: 'changeit' });
      expect([certificates.other, failures]).toEqual([['c.crt', ''], { 'b.p12': 'LIMIT_EXCEEDED' }]);
    } finally {
      IterationBudget.limit = limit;
    }
  });
});

describe.skipIf(!hasProgram('tar'))('a tar', () => {
  const formats = ['ustar', 'pax', 'gnu', 'oldgnu', 'v7'];
  test.each(formats)('as GNU tar writes it in format %s, also behind gzip', async (format) => {
    const content = tarred(mailed(), `--format=${format}`);
    expect(await open(content)).toEqual(whole('TAR'));
    expect(await open(gzipSync(content))).toEqual(whole('TAR'));
    expect((await openAny(content, {})).notices).toEqual(expect.arrayContaining(PASSED_OVER));
  });

  test.each(['ustar', 'pax', 'gnu'])('with names that are longer than its header, in format %s', async (format) => {
    const long = `${'folder/'.repeat(20)}zertifikat.crt`;
    expect((await open(tarred({ [long]: other.pem }, `--format=${format}`))).certificates).toEqual({
      other: [long, ''],
    });
    const longest = `${'n'.repeat(200)}ü.crt`;
    if (format !== 'ustar')
      expect((await open(tarred({ [longest]: other.pem }, `--format=${format}`))).certificates).toEqual({
        other: [longest, ''],
      });
  });

  test('its links and holes are named as passed over', async () => {
    const folder = folderOf({ 'archive/cert1.pem': other.pem, 'holes.pem': '' });
    mkdirSync(join(folder, 'live'));
    symlinkSync('../archive/cert1.pem', join(folder, 'live/cert.pem'));
    execFileSync('truncate', ['-s', '1M', 'holes.pem'], { cwd: folder });
    const container = await openAny(made(folder, 'tar', '-cSf', 'a.tar', 'live', 'archive', 'holes.pem'), {});
    expect(summary(container).certificates).toEqual({ other: ['archive/cert1.pem', ''] });
    expect(container.notices).toEqual([
      'live/cert.pem was passed over: it is a link.',
      'holes.pem was passed over: it is a sparse file.',
    ]);
  });

  test('that is cut, damaged or leaves its folder is refused', async () => {
    const content = tarred({ 'a.crt': other.pem, 'b.crt': chain.leaf.pem });
    expect(await refused(content.subarray(0, 700))).toMatchObject({ reason: 'MALFORMED' });
    const damaged = Buffer.from(content);
    damaged[damaged.indexOf('b.crt')] = 0x41;
    expect(await refused(damaged)).toMatchObject({
      reason: 'MALFORMED',
      message: 'A header of the tar archive is damaged.',
    });
    expect(await refused(gzipSync(content).subarray(0, -20))).toMatchObject({ reason: 'MALFORMED' });
    const outside = tarred({ 'x.crt': other.pem }, '-P', '--transform=s,x,../x,');
    expect(await refused(outside)).toMatchObject({ reason: 'UNSAFE_NAME' });
  });
});

describe('what else is packed', () => {
  test('one container behind gzip, with a notice', async () => {
    const container = await openAny(gzipSync(other.pem + other.keyPem), {});
    expect([container.format, container.certificates.length, container.keys.length]).toEqual(['PEM', 1, 1]);
    expect(container.notices).toEqual(['The container was packed by gzip, and was unpacked.']);
  });

  test('a bomb of gzip', async () => {
    expect(await refused(gzipSync(Buffer.alloc(16 * 1024 * 1024)))).toMatchObject({
      reason: 'LIMIT_EXCEEDED',
      details: { limit: 'unpacked bytes' },
    });
  });

  test.each([
    ['7-Zip', Buffer.from('377abcaf271c0004', 'hex')],
    ['RAR', Buffer.from('Rar!\u001a\u0007\u0001\u0000', 'latin1')],
    ['bzip2', Buffer.from('BZh91AY&SY')],
    ['xz', Buffer.from('fd377a585a000004', 'hex')],
  ])('%s is refused by its name', async (name, content) => {
    expect(await refused(content)).toMatchObject({
      reason: 'UNSUPPORTED_ARCHIVE',
      message: `This is a ${name} archive; ZIP, tar and tar.gz are opened. Unpack it and import what is inside.`,
    });
  });
});

describe.skipIf(!hasProgram('tar'))('a tar that is not what it seems', () => {
  let one: Awaited<ReturnType<typeof makeCertificate>>;
  let two: typeof one;
  beforeAll(async () => {
    [one, two] = [await makeCertificate({ commonName: 'one' }), await makeCertificate({ commonName: 'two' })];
  });
  const filesOf = (container: Container) => container.certificates.map(({ file }) => file);

  test('what another tar put behind the end is read too, and rubbish there is passed over', async () => {
    const both = Buffer.concat([tarred({ 'one.pem': one.pem }), tarred({ 'two.pem': two.pem })]);
    expect(filesOf(await openAny(both, {}))).toEqual(['one.pem', 'two.pem']);
    const rubbish = Buffer.concat([tarred({ 'one.pem': one.pem }), Buffer.alloc(700, 'x')]);
    expect(filesOf(await openAny(rubbish, {}))).toEqual(['one.pem']);
  });

  test('one that is cut in a header is refused: what it lost is not left out in silence', async () => {
    const tar = tarred({ 'one.pem': one.pem, 'two.pem': two.pem });
    const second = tar.indexOf('two.pem', 512);
    await expect(openAny(tar.subarray(0, second + 300), {})).rejects.toMatchObject({ reason: 'MALFORMED' });
  });

  test('folders without end are refused before they cost anything', async () => {
    const folder = made(folderOf({ 'd/one.pem': one.pem }), 'tar', '-cf', 'a.tar', 'd').subarray(0, 512);
    const bomb = Buffer.concat([tarred({ 'one.pem': one.pem }), Buffer.alloc(60 * 2 ** 20, folder)]);
    const limit = { reason: 'LIMIT_EXCEEDED', details: { limit: 'tar headers', value: '100000' } };
    await expect(openAny(gzipSync(bomb), {})).rejects.toMatchObject(limit);
  });

  test('an archive behind gzip that is no tar is refused by what it is', async () => {
    await expect(openAny(gzipSync(zip([['one.pem', one.pem]])), {})).rejects.toMatchObject({
      reason: 'NESTED_ARCHIVE',
    });
  });
});
