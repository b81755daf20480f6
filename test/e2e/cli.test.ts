import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeChain, runProgram, temporaryFolder } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCertferry, type RunningSystem } from '../running-system.ts';
import { commandLine, type CommandLine } from './command-line.ts';

const fixture = (name: string) => join(import.meta.dirname, '..', '..', 'libs', 'x509', 'fixtures', name);

describe('the command line', () => {
  let system: RunningSystem;
  let folder: string;
  let command: CommandLine;
  beforeAll(async () => {
    system = await startCertferry('standalone');
    folder = temporaryFolder('cli');
    command = commandLine(system, folder);
  });
  afterAll(() => system.stop());

  const run = (args: string[], env: NodeJS.ProcessEnv = {}) => command.run(args, { env });
  const json = async (args: string[]) => JSON.parse((await run([...args, '--json'])).stdout) as any;

  test('the password is asked for on a terminal, and not shown', async () => {
    const refused = await run(['inspect', fixture('openssl-default.p12')]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('PASSWORD_REQUIRED');
    if (!hasProgram('script')) return;
    const shown = await command.onTerminal(
      ['import', fixture('openssl-default.p12')],
      [{ question: 'Password of', typed: 'changeiX\u007ft\r' }],
    );
    expect(shown).toContain('created');
    expect(shown).not.toContain('changei');
  });

  test('certificates are exported in every format and removed only when that is confirmed', async () => {
    expect((await run(['certs', 'export', 'web1.example.com', '--format', 'pem'])).stdout).toMatch(/^-----BEGIN CERT/);
    for (const [format, count] of [
      ['chain', 3],
      ['issuers', 2],
      ['p7b', 0],
      ['der', 0],
    ] as const) {
      const out = join(folder, `web1.${format}`);
      expect((await run(['certs', 'export', 'web1.example.com', '--format', format, '--out', out])).code).toBe(0);
      expect(readFileSync(out, 'latin1').match(/BEGIN CERTIFICATE/g)?.length ?? 0).toBe(count);
      expect(statSync(out).mode & 0o777).toBe(0o600);
    }
    const p12 = ['certs', 'export', 'web1.example.com', '--format', 'p12', '--out', 'web1.p12'];
    expect(await run(p12)).toMatchObject({ code: 2, stderr: expect.stringContaining('--password-file') });
    writeFileSync(join(folder, 'secret'), 'quite secret\n');
    expect((await run([...p12, '--password-file', 'secret'])).code).toBe(0);
    const read = ['pkcs12', '-in', join(folder, 'web1.p12'), '-passin', 'pass:quite secret', '-nodes'];
    expect(await runProgram('openssl', read)).toContain('BEGIN PRIVATE KEY');
    expect((await run(['certs', 'export', 'web1.example.com', '--format', 'jpeg'])).code).toBe(2);
    await expectKeyExports();

    const kept = await run(['certs', 'rm', 'web1.example.com']);
    expect(kept).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    expect((await run(['certs', 'rm', 'web1.example.com', '--yes'])).stdout).toMatch(/^deleted [0-9a-f-]{36}\n$/);
    expect(await run(['certs', 'rm', 'web1.example.com', '--yes'])).toMatchObject({ code: 3 });
  });

  /** Each format with the key, read by the program that it is for. */
  async function expectKeyExports(): Promise<void> {
    const file = async (format: string, ...options: string[]): Promise<string> => {
      const out = join(folder, `key.${format}`);
      const args = ['certs', 'export', 'web1.example.com', '--format', format, '--out', out, ...options];
      expect(await run(args)).toMatchObject({ code: 0, stderr: '' });
      return out;
    };
    const expected = await runProgram('openssl', ['pkey', '-in', await file('key', '--unencrypted'), '-pubout']);
    expect(expected).toContain('BEGIN PUBLIC KEY');
    const secret = ['--password-file', 'secret'];
    const pass = ['-passin', 'pass:quite secret'];
    const isSame = async (args: string[]) => expect(await runProgram('openssl', args)).toBe(expected);
    await isSame(['pkey', '-in', await file('key', ...secret), ...pass, '-pubout']);
    await isSame(['pkey', '-in', await file('key-traditional', '--unencrypted'), '-pubout']);
    expect(readFileSync(join(folder, 'key.key-traditional'), 'utf8')).toContain('BEGIN RSA PRIVATE KEY');
    await isSame(['pkey', '-in', await file('key-pem', '--unencrypted'), '-pubout']);
    expect(readFileSync(join(folder, 'key.key-pem'), 'utf8').match(/BEGIN CERTIFICATE/g)?.length).toBe(3);
    const legacy = ['pkcs12', '-legacy', '-info', '-in', await file('p12-legacy', ...secret), ...pass, '-nodes'];
    expect(await runProgram('openssl', legacy)).toContain('BEGIN PRIVATE KEY');
    if (hasProgram('keytool')) {
      const list = [
        '-list',
        '-keystore',
        await file('jks', ...secret),
        '-storetype',
        'JKS',
        '-storepass',
        'quite secret',
      ];
      expect(await runProgram('keytool', list)).toContain('PrivateKeyEntry');
    }
    const refused = ['certs', 'export', 'web1.example.com', '--format', 'p12', '--unencrypted'];
    expect(await run(refused)).toMatchObject({ code: 2, stderr: expect.stringContaining('always has a password') });
    const traditional = ['certs', 'export', 'web1.example.com', '--format', 'key-traditional', ...secret];
    expect(await run(traditional)).toMatchObject({ code: 2, stderr: expect.stringContaining('"unencrypted"') });
  }

  test('what is odd about a certificate is said, and what was passed over', async () => {
    const args = [
      'req',
      '-x509',
      '-newkey',
      'rsa:1024',
      '-nodes',
      '-subj',
      '/CN=weak',
      '-keyout',
      'weak.key',
      '-out',
      'weak.pem',
    ];
    await runProgram('openssl', [...args, '-addext', 'basicConstraints=CA:FALSE'], { cwd: folder });
    await runProgram('openssl', ['req', '-new', '-key', 'weak.key', '-subj', '/CN=wanted', '-out', 'weak.csr'], {
      cwd: folder,
    });
    writeFileSync(
      join(folder, 'odd.pem'),
      ['weak.pem', 'weak.csr'].map((name) => readFileSync(join(folder, name), 'utf8')).join(''),
    );
    const chain = ['chain.pem', 'leaf.pem'].map((name) => readFileSync(fixture(name), 'utf8')).join('');
    writeFileSync(join(folder, 'whole.pem'), chain);
    const whole = await run(['inspect', 'whole.pem']);
    expect(whole.stdout).toMatch(/^Extensions +basicConstraints: not a certificate authority$/m);
    expect(whole.stdout).toMatch(/^ +extKeyUsage: serverAuth, clientAuth, 1.2.3.4$/m);
    expect(whole.stdout).toMatch(/^Chain: CN=web1.example.com.* < CN=Acme Issuing,O=Acme < CN=Acme Root,O=Acme$/m);
    const { code, stdout } = await run(['inspect', 'odd.pem']);
    expect(code).toBe(0);
    expect(stdout).toContain('Its RSA key has 1024 bits; under 2048 is weak.');
    expect(stdout).toContain('It has no subject alternative names');
    expect(stdout).toContain('A certificate request for "CN=wanted" (RSA 1024) was passed over');
    expect((await run(['import', 'odd.pem'])).stdout).toContain('odd.pem: A certificate request for "CN=wanted"');
  });

  test.skipIf(!hasProgram('keytool'))('a key that has a password of its own', async () => {
    const make = ['-genkeypair', '-alias', 'own', '-keyalg', 'EC', '-dname', 'CN=own', '-keypass', 'another'];
    const store = ['-keystore', join(folder, 'own.jks'), '-storetype', 'JKS', '-storepass', 'changeit'];
    await runProgram('keytool', [...make, ...store]);
    writeFileSync(join(folder, 'store-password'), 'changeit');
    writeFileSync(join(folder, 'key-password'), 'another');
    const inspect = ['inspect', 'own.jks', '--password-file', 'store-password'];
    const without = await run(inspect);
    expect(without.stdout).toContain('The key "own" has a password of its own, send it as key password');
    expect(without.stdout).not.toContain('private key present');
    expect((await run([...inspect, '--key-password-file', 'key-password'])).stdout).toContain('private key present');
  });

  test('jobs are shown and watched; the exit code says whether they succeeded', async () => {
    const { leaf } = await makeChain('cli.example.com');
    writeFileSync(join(folder, 'cli.pem'), leaf.pem + leaf.keyPem);
    expect((await run(['import', 'cli.pem', '--name', 'cli'])).code).toBe(0);
    const config = [
      `fullChainPath=${join(system.storesDir, 'cli.pem')}`,
      `keyPath=${join(system.storesDir, 'cli.key')}`,
    ];
    expect((await run(['stores', 'add', 'cli', '--kind', 'pem', '--config', ...config])).stdout).toContain(
      'added store',
    );
    expect((await run(['stores', 'test', 'cli'])).code).toBe(0);
    const [job] = await json(['deploy', 'cli', '--store', 'cli']);
    const watched = await run(['jobs', 'watch', job.id]);
    expect(watched).toMatchObject({ code: 0, stdout: expect.stringContaining('succeeded') });
    const shown = (await run(['jobs', 'show', job.id])).stdout;
    for (const expected of ['Status', 'succeeded', 'intent', 'verified', 'create ']) expect(shown).toContain(expected);
    expect(await json(['jobs', 'show', job.id])).toMatchObject({ id: job.id, status: 'succeeded', attempts: 1 });
    expect(await run(['jobs', 'show', 'nobody'])).toMatchObject({ code: 3 });

    const other = await makeChain('other.example.com');
    writeFileSync(join(folder, 'other.pem'), other.leaf.pem + other.leaf.keyPem);
    await run(['import', 'other.pem', '--name', 'other']);
    const failed = await run(['deploy', 'other', '--store', 'cli', '--wait']);
    expect(failed).toMatchObject({ code: 6, stdout: expect.stringContaining('allow overwrite') });
    expect((await run(['jobs', 'ls', '--status', 'failed'])).stdout).toContain('failed');
  });

  test('events are printed as they happen, and again from where one was', async () => {
    const tail = run(['events', 'tail', '--count', '2', '--json', '--types', 'certferry.inventory']);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { leaf, intermediate } = await makeChain('events.example.com');
    writeFileSync(join(folder, 'events.pem'), leaf.pem + intermediate.pem);
    await run(['import', 'events.pem']);
    const { code, stdout } = await tail;
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as any);
    expect(code).toBe(0);
    expect(events.map((event) => event.type)).toEqual([
      'certferry.inventory.certificate.created',
      'certferry.inventory.certificate.created',
    ]);
    const again = await run(['events', 'tail', '--count', '1', '--since', events[0].id]);
    expect(again.stdout).toContain(events[1].subject);
  });

  test('a wrong call, a wrong key and a server that is away have exit codes of their own', async () => {
    expect((await run(['certs', 'frobnicate'])).code).toBe(2);
    expect((await run(['certs', 'ls'], { CERTFERRY_API_KEY: 'wrong' })).code).toBe(4);
    const away = await run(['certs', 'ls'], { CERTFERRY_URL: 'http://127.0.0.1:9' });
    expect(away).toMatchObject({ code: 5, stderr: expect.stringContaining('npm start') });
  });
});
