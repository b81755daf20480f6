import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasProgram, makeCertificate, runProgram, temporaryFolder } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';
import { commandLine, type CommandLine } from './command-line.ts';

describe('certferry import', () => {
  let system: RunningSystem;
  let folder: string;
  let command: CommandLine;
  beforeAll(async () => {
    system = await startCertferry('standalone');
    folder = temporaryFolder('cli-import');
    command = commandLine(system, folder);
  });
  afterAll(() => system.stop());

  const run: CommandLine['run'] = (args, options) => command.run(['import', ...args], options);
  const json = async (args: string[]) => JSON.parse((await run([...args, '--json'])).stdout) as any;
  const write = (name: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  /** Writes `name`.crt and `name`.key. */
  const make = async (name: string) => {
    const made = await makeCertificate({ commonName: `${name.replaceAll('/', '-')}.example.test` });
    write(`${name}.crt`, made.pem);
    write(`${name}.key`, made.keyPem);
    return made;
  };

  test('goes on after a file that fails, and says what became of each, what failed first', async () => {
    await make('on');
    write('README.md', '# Read me\n');
    const { code, stdout, stderr } = await run(['on.crt', 'nope.pem', 'README.md', 'on.key']);
    expect(code).toBe(7);
    expect(stderr).toBe('certferry: Some of it was not imported.\n');
    const lines = stdout.split('\n');
    expect(lines.slice(0, 2)).toEqual(['Failed:', '  nope.pem: There is no such file.']);
    expect(lines[2]).toMatch(/^ {2}README.md: .*\(UNKNOWN_FORMAT\)$/);
    expect(stdout).toMatch(/^on.crt +created +[0-9a-f-]{36} +no +CN=on.example.test$/m);
    expect(stdout).toMatch(/^on.key +updated \(key\) +[0-9a-f-]{36} +yes +CN=on.example.test$/m);
    expect(lines.at(-2)).toBe('1 created, 1 updated, 2 failed.');
  });

  test('its exit code says whether all, some or nothing went in', async () => {
    await make('exit');
    expect(await run(['exit.crt'])).toMatchObject({ code: 0, stderr: '' });
    expect(await run(['exit.crt', 'exit.key'])).toMatchObject({ code: 0, stderr: '' });
    expect(await run(['exit.crt', 'nope.pem'])).toMatchObject({
      code: 7,
      stderr: 'certferry: Some of it was not imported: nope.pem: There is no such file.\n',
    });
    expect(await run(['nope.pem'])).toMatchObject({
      code: 1,
      stderr: 'certferry: Nothing was imported: nope.pem: There is no such file.\n',
    });
    expect(await run(['exit.crt'], { env: { CERTFERRY_API_KEY: 'wrong' } })).toMatchObject({ code: 4, stdout: '' });
    expect(await run(['exit.crt'], { env: { CERTFERRY_URL: 'http://127.0.0.1:9' } })).toMatchObject({
      code: 5,
      stdout: '',
    });
    expect((await run([])).code).toBe(2);
  });

  test('a key may come before its certificate', async () => {
    await make('order');
    const { code, stdout } = await run(['order.key', 'order.crt']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^order.key +updated \(key\) +[0-9a-f-]{36} +yes /m);
    write('alone.key', (await makeCertificate({ commonName: 'alone' })).keyPem);
    expect(await run(['alone.key'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('NO_CERTIFICATE_FOR_KEY'),
    });
  });

  test('a folder is taken with all that is in it; what is not ours is passed over, by name', async () => {
    for (const name of ['tree/a/web', 'tree/b/mail']) await make(name);
    for (const name of ['tree/.DS_Store', 'tree/__MACOSX/a', 'tree/README.html', 'tree/empty']) write(name, '');
    write('tree/README.html', '<h1>Your certificate</h1>');
    await make('linked');
    symlinkSync('../linked.crt', join(folder, 'tree/live.pem'));
    symlinkSync('..', join(folder, 'tree/round'));
    symlinkSync('nowhere', join(folder, 'tree/broken'));
    await runProgram('mkfifo', [join(folder, 'tree/pipe')]);
    const { code, stdout } = await run(['tree']);
    expect(code).toBe(0);
    const passedOver = stdout.split('\n\n')[0]!.split('\n');
    expect(passedOver[0]).toBe('Passed over:');
    for (const [name, why] of [
      ['.DS_Store', 'hidden'],
      ['__MACOSX', 'hidden'],
      ['README.html', ''],
      ['empty', ''],
      ['round', 'not to a file'],
      ['broken', 'not to a file'],
      ['pipe', 'not a regular file'],
    ] as const)
      expect(passedOver.find((line) => line.startsWith(`  tree/${name}: `))).toContain(why);
    expect(passedOver.length).toBe(8);
    expect(stdout).toMatch(/^tree\/a\/web.key +updated \(key\)/m);
    expect(stdout).toMatch(/^tree\/live.pem +created/m);
    expect(stdout).toContain('3 created, 2 updated, 7 passed over.');
    mkdirSync(join(folder, 'void'));
    expect(await run(['void'])).toMatchObject({ code: 1, stderr: 'certferry: Nothing was imported.\n' });
  });

  test('what cannot be read is said', async () => {
    symlinkSync('loop', join(folder, 'loop'));
    expect((await run(['loop'])).stderr).toContain('loop: It is a link that leads to itself.');
  });

  test('a pattern in quotes, standard input, and what another program writes', async () => {
    const { pem } = await make('many/a1');
    await make('many/a2');
    write('many/a3.crt', 'no certificate');
    const { code, stdout } = await run(['many/a*.crt', 'none-*.crt']);
    expect(code).toBe(7);
    expect(stdout).toContain('none-*.crt: Nothing has such a name.');
    expect(stdout).toContain('many/a3.crt: ');
    expect(stdout).toContain('2 created, 1 failed, 1 passed over.');
    expect(await run(['-'], { input: pem })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^standard input +unchanged/m),
    });
    const both = await run(['-', '--password-file', '-'], { input: pem });
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('not both') });
    const substituted = await runProgram('bash', [
      '-c',
      `CERTFERRY_URL=${system.url} CERTFERRY_API_KEY=${system.apiKey} ${process.execPath} ` +
        `${join(import.meta.dirname, '../../apps/cli/src/main.ts')} import <(cat ${join(folder, 'many/a1.crt')})`,
    ]);
    expect(substituted).toContain('unchanged');
  });

  test('a dry run keeps nothing', async () => {
    await make('dry');
    const tried = await run(['dry.key', 'dry.crt', '--dry-run']);
    expect(tried).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('A dry run, nothing was kept: 1 created.'),
    });
    expect(tried.stdout).toContain('dry.key: It has a key without its certificate');
    expect((await run(['dry.crt'])).stdout).toContain('1 created.');
  });

  test('JSON has all of it, and errors too', async () => {
    await make('json');
    write('folder/readme.txt', 'nothing');
    expect(await json(['json.crt', 'nope.pem', 'folder'])).toMatchObject({
      created: 1,
      updated: 0,
      unchanged: 0,
      failed: 1,
      passedOver: 1,
      notTried: 0,
      files: [
        { file: 'nope.pem', status: 'failed', message: 'There is no such file.' },
        { file: 'json.crt', status: 'completed', format: 'pem', items: [{ subject: 'CN=json.example.test' }] },
        { file: 'folder/readme.txt', status: 'passed over', reason: 'UNKNOWN_FORMAT' },
      ],
    });
    const partial = await run(['json.crt', 'nope.pem', '--json']);
    expect(JSON.parse(partial.stderr)).toMatchObject({ reason: 'PARTIAL', exitCode: 7 });
    const problem = await command.run(['certs', 'ls', '--json'], { env: { CERTFERRY_API_KEY: 'wrong' } });
    expect(problem.stdout).toBe('');
    expect(JSON.parse(problem.stderr)).toMatchObject({
      status: 401,
      reason: 'API_KEY_REQUIRED',
      detail: expect.any(String),
      requestId: expect.any(String),
      exitCode: 4,
    });
    const usage = await run(['json.crt', '--json', '--nonsense']);
    expect(JSON.parse(usage.stderr)).toMatchObject({ reason: 'WRONG_USAGE', exitCode: 2 });
    const away = await run(['json.crt', '--json'], { env: { CERTFERRY_URL: 'http://127.0.0.1:9' } });
    expect(JSON.parse(away.stderr)).toMatchObject({ reason: 'UNREACHABLE', exitCode: 5 });
  });

  test('a file that one request does not take is a job; what is no PEM, standard input and a dry run are told the limit', async () => {
    const { pem } = await make('small');
    const padding = Buffer.alloc(10 * 1024 * 1024 + 1, 'a line of text\n');
    write('large.pem', `${pem}${padding.subarray(0, 1024 * 1024).toString()}`.repeat(11));
    expect((await run(['large.pem', '--dry-run'])).stderr).toContain('larger than 10 MiB');
    expect(await run(['large.pem'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 created, 10 unchanged.'),
    });
    write('far.pem', `${pem}${padding.toString()}${pem}`);
    expect(await run(['far.pem'])).toMatchObject({ code: 0, stdout: expect.stringContaining('2 unchanged.') });
    write('large.der', Buffer.alloc(10 * 1024 * 1024 + 1, 1));
    const { code, stdout } = await run(['large.der', 'small.crt']);
    expect(code).toBe(7);
    expect(stdout).toMatch(/large.der: .*\(LIMIT_EXCEEDED\)/);
    expect(await run(['-'], { input: padding })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('save it as a file'),
    });
  });

  describe.skipIf(!hasProgram('openssl'))('passwords', () => {
    /** A PKCS#12 file under exactly these bytes. */
    const protect = async (name: string, password: string): Promise<void> => {
      await make(name);
      const args = ['pkcs12', '-export', '-in', `${name}.crt`, '-inkey', `${name}.key`, '-out', `${name}.p12`];
      await runProgram('openssl', [...args, '-passout', 'env:SECRET'], { cwd: folder, env: { SECRET: password } });
    };

    test('a list of them is tried, each line without its end', async () => {
      await protect('p1', 'first');
      await protect('p2', ' second ');
      await protect('p3', 'third');
      write('passwords', 'first\r\n second \nwrong\n');
      const { code, stdout } = await run(['p1.p12', 'p2.p12', 'p3.p12', '--password-file', 'passwords']);
      expect(code).toBe(7);
      expect(stdout).toContain('2 created, 1 failed.');
      expect(stdout).toMatch(/p3.p12: .*--whole-file.*\(WRONG_PASSWORD\)/);
    });

    test('one may end in a line end', async () => {
      for (const [name, password] of [
        ['lf', 'ends\n'],
        ['crlf', 'ends\r\n'],
        ['inside', 'one\ntwo'],
      ] as const) {
        await protect(name, password);
        write('secret', password);
        expect((await run([`${name}.p12`, '--password-file', 'secret'])).code).toBe(1);
        expect(await run([`${name}.p12`, '--password-file', 'secret', '--whole-file'])).toMatchObject({ code: 0 });
        const env = { CERTFERRY_PASSWORD: password };
        expect((await run([`${name}.p12`], { env })).stdout).toContain('unchanged');
      }
    });

    test.skipIf(!hasProgram('script'))('what was typed is tried on further files, and asked for again', async () => {
      for (const [name, password] of [
        ['t1', 'one'],
        ['t2', 'one'],
        ['t3', 'two'],
      ] as const)
        await protect(name, password);
      const shown = await command.onTerminal(
        ['import', 't1.p12', 't2.p12', 't3.p12'],
        [
          { question: 'Password of t1.p12: ', typed: 'wrong\r' },
          { question: 'Password of t1.p12: ', typed: 'one\r' },
          { question: 'Password of t3.p12: ', typed: 'two\r' },
        ],
      );
      expect(shown).not.toContain('Password of t2.p12');
      expect(shown).toContain('3 created.');
      for (const secret of ['wrong', 'two']) expect(shown).not.toContain(secret);
    });

    test('no password is in any output', () => {
      for (const secret of [' second ', 'third']) expect(system.output()).not.toContain(secret);
    });
  });

  describe('progress', () => {
    /** Certificates that differ in a byte of their serial number. */
    const many = async (count: number, commonName = 'many.example.test'): Promise<Buffer> => {
      const { der } = await makeCertificate({ commonName });
      const serialAt = der.indexOf(Buffer.from([0xa0, 3, 2, 1, 2, 2])) + 8;
      return Buffer.concat(
        Array.from({ length: count }, (_, i) => {
          const one = Buffer.from(der);
          one.writeUInt16BE(i, serialAt);
          return Buffer.from(`-----BEGIN CERTIFICATE-----\n${one.toString('base64')}\n-----END CERTIFICATE-----\n`);
        }),
      );
    };

    test.skipIf(!hasProgram('script'))('is a line of bytes, then of what is read, on a terminal only', async () => {
      write('many.pem', await many(5_000));
      const shown = await command.onTerminal(['import', 'many.pem']);
      expect(shown).toMatch(/\r\x1b\[Kmany.pem: [\d.]+ (bytes|KiB|MiB) of [\d.]+ MiB sent/);
      expect(shown).toMatch(/\r\x1b\[Kmany.pem: [\d,]+ of [\d,]+, [\d,]+\/s, \d+ s left/);
      expect(shown).toMatch(/many.pem +5,000 created +0 +5,000 certificates/);
      expect(await command.onTerminal(['import', 'many.pem', '--quiet'])).toBe('');
      const piped = await run(['many.pem']);
      expect(piped).toMatchObject({ code: 0, stderr: '' });
      expect(piped.stdout).toContain('5,000 unchanged');
    });

    test('a job is followed over a restart of the server', async () => {
      write('restarted.pem', await many(3_000, 'restarted.example.test'));
      const following = run(['restarted.pem', '--json']);
      const started = async () => {
        const { body } = await call(system, 'GET', '/v1/imports?status=running');
        return (body['items'] as { done: number }[])[0]?.done ?? 0;
      };
      await expect.poll(started, { timeout: 30_000, interval: 50 }).toBeGreaterThan(0);
      await system.stop('SIGKILL');
      await system.restart();
      const { code, stdout } = await following;
      const { created, unchanged, failed } = JSON.parse(stdout) as Record<string, number>;
      expect([code, created! + unchanged!, failed]).toEqual([0, 3_000, 0]);
      // What was saved and not counted when it was killed.
      expect(unchanged).toBeLessThanOrEqual(100);
    });

    test('quiet says what failed, and nothing of what went well', async () => {
      await make('quiet');
      expect(await run(['quiet.crt', '--quiet'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
      expect(await run(['quiet.crt', 'nope.pem', '--quiet'])).toMatchObject({
        code: 7,
        stdout: '',
        stderr: expect.stringContaining('certferry: nope.pem: There is no such file.\n'),
      });
      expect(readFileSync(join(folder, 'quiet.crt'), 'utf8')).toContain('BEGIN CERTIFICATE');
    });
  });
});
