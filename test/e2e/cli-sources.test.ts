import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasProgram, makeCertificate, makeChain, runProgram, temporaryFolder, zip } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCertferry, type RunningSystem } from '../running-system.ts';
import { commandLine, type CommandLine } from './command-line.ts';
import { serveFiles, serveSmtp, startTlsServer, type LoopbackServer } from './loopback-servers.ts';

// What comes in other wrappings than files of certificates: archives, keystores, URLs and servers.

describe.skipIf(!hasProgram('openssl'))('certferry import', () => {
  let system: RunningSystem;
  let folder: string;
  let command: CommandLine;
  const servers: LoopbackServer[] = [];
  beforeAll(async () => {
    folder = temporaryFolder('cli-sources');
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=site.example.test';
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', 'site.key', '-out', 'site.crt'];
    await runProgram('openssl', [...request.split(' '), ...names], { cwd: folder });
    system = await startCertferry('standalone');
    await system.stop();
    system.environment['CERTFERRY_OUTBOUND_ALLOW'] = '127.0.0.1';
    system.environment['CERTFERRY_OUTBOUND_CA'] = join(folder, 'site.crt');
    await system.restart();
    command = commandLine(system, folder);
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await system.stop();
  });

  const run: CommandLine['run'] = (args, options) => command.run(['import', ...args], options);
  const write = (name: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  const served = async (starting: Promise<LoopbackServer>): Promise<number> => {
    const server = await starting;
    servers.push(server);
    return server.port;
  };
  const identity = () => ({
    cert: readFileSync(join(folder, 'site.crt'), 'utf8'),
    key: readFileSync(join(folder, 'site.key'), 'utf8'),
  });

  describe('archives', () => {
    test('a ZIP that a CA has mailed and its key, in either order, are one command', async () => {
      for (const order of ['ca.zip server.key', 'server.key ca.zip']) {
        const name = order.startsWith('ca') ? 'zip-first' : 'key-first';
        const { leaf, intermediate } = await makeChain(`${name}.example.test`);
        write(
          `${name}/ca.zip`,
          zip([
            ['STAR/your.crt', leaf.pem],
            ['STAR/my.ca-bundle', intermediate.pem],
            ['__MACOSX/STAR/._your.crt', 'x'],
            ['How to install.html', '<h1>Thank you</h1>'],
          ]),
        );
        write(`${name}/server.key`, leaf.keyPem);
        const { code, stdout, stderr } = await run(order.split(' ').map((file) => `${name}/${file}`));
        expect([code, stderr]).toEqual([0, '']);
        expect(stdout).toContain(`How to install.html was passed over`);
        expect(stdout).toMatch(new RegExp(`ca.zip: CN=${name}.example.test.* < CN=`));
        expect(stdout).toMatch(new RegExp(`ca.zip: STAR/your.crt +created .* CN=${name}.example.test`));
        expect(stdout).toMatch(/ca.zip: STAR\/my.ca-bundle +created /);
        expect(stdout).toMatch(/server.key +updated \(key\) .* yes /);
        expect(stdout).toContain('2 created, 1 updated.');
      }
    });

    test.skipIf(!hasProgram('tar'))('tar and tar.gz as well; what failed in one is called by its file', async () => {
      const { pem, keyPem } = await makeCertificate({ commonName: 'tar.example.test' });
      write('tree-of-tar/tls.crt', pem);
      write('tree-of-tar/tls.key', keyPem);
      write('tree-of-tar/old.pfx', 'rubbish');
      await runProgram('tar', ['-czf', 'tree.tgz', 'tree-of-tar'], { cwd: folder });
      const { code, stdout } = await run(['tree.tgz']);
      expect(code).toBe(7);
      expect(stdout).toMatch(/^Failed:\n {2}tree.tgz: tree-of-tar\/old.pfx: .*\(UNKNOWN_FORMAT\)$/m);
      expect(stdout).toMatch(/tree.tgz: tree-of-tar\/tls.crt +created .* yes +CN=tar/);
    });

    test('one that one request does not take is a job, and says the same', async () => {
      const { pem, keyPem } = await makeCertificate({ commonName: 'large.example.test' });
      const entries: [string, string | Buffer][] = [
        ['photo.jpg', randomBytes(6 * 1024 * 1024)],
        ['scan.jpg', randomBytes(6 * 1024 * 1024)],
        ['tls.key', keyPem],
        ['tls.crt', pem],
      ];
      write('large.zip', zip(entries));
      const { code, stdout } = await run(['large.zip']);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Passed over:\n {2}large.zip: photo.jpg: .+$/m);
      expect(stdout).toContain('large.zip: tls.key: Its key is with the certificate of tls.crt.');
      expect(stdout).toMatch(/^large.zip: tls.crt +created .* yes +CN=large.example.test$/m);
      expect(stdout).toContain('1 created, 3 passed over.');
    });

    const protectedZip = async (name: string, passwords: string[]) => {
      const entries = await Promise.all(
        passwords.map(async (password, i): Promise<[string, Buffer]> => {
          const { pem, keyPem } = await makeCertificate({ commonName: `${name}${i}.example.test` });
          write(`${name}${i}.pem`, pem + keyPem);
          const args = `pkcs12 -export -passout env:SECRET -in ${name}${i}.pem -out ${name}${i}`;
          await runProgram('openssl', args.split(' '), { cwd: folder, env: { SECRET: password } });
          return [`${i}.p12`, readFileSync(join(folder, `${name}${i}`))];
        }),
      );
      write(`${name}.zip`, zip(entries));
    };

    test('a list of passwords opens the files of one', async () => {
      await protectedZip('listed', ['first', ' second ', 'third']);
      write('list', 'wrong\r\nfirst\r\n second ');
      const { code, stdout } = await run(['listed.zip', '--password-file', 'list']);
      expect(code).toBe(7);
      expect(stdout).toMatch(/listed.zip: 2.p12: .*\(WRONG_PASSWORD\)/);
      expect(stdout).toContain('2 created, 1 failed.');
      write('long-list', 'x\n'.repeat(101));
      expect(await run(['listed.zip', '--password-file', 'long-list'])).toMatchObject({
        code: 2,
        stderr: 'certferry: long-list has more than 100 passwords.\n',
      });
      for (const secret of [' second ', 'third']) expect(system.output() + stdout).not.toContain(secret);
    });

    test.skipIf(!hasProgram('script'))('passwords are asked for until all of one is open', async () => {
      await protectedZip('asked', ['one-typed', 'two-typed']);
      const shown = await command.onTerminal(
        ['import', 'asked.zip'],
        [
          { question: 'Password of asked.zip: ', typed: 'one-typed\r' },
          { question: 'Password of asked.zip: 1.p12: ', typed: 'two-typed\r' },
        ],
      );
      expect(shown).toContain('2 created.');
      expect(shown).not.toMatch(/typed|failed/);
    });
  });

  test('a key and its certificates are told of each other, whatever came when', async () => {
    for (const order of [
      ['pair1.key', 'pair1.crt'],
      ['pair2.crt', 'pair2.key'],
    ]) {
      const name = order[0]!.slice(0, 5);
      const { pem, keyPem } = await makeCertificate({ commonName: name });
      write(`${name}.crt`, pem);
      write(`${name}.key`, keyPem);
      expect((await run(order)).code).toBe(0);
      expect((await command.run(['certs', 'show', name])).stdout).toContain('private key present');
    }
    const renew = (name: string) =>
      runProgram('openssl', `req -x509 -new -key pair1.key -days 9 -subj /CN=${name} -out ${name}.crt`.split(' '), {
        cwd: folder,
      });
    await renew('renewed');
    expect((await run(['renewed.crt'])).stdout).toMatch(
      /^Keys:\n {2}renewed.crt: the key of CN=renewed was there already, with the certificate [0-9a-f-]{36}$/m,
    );
    const { pem } = await makeCertificate({ commonName: 'unrelated' });
    write('unrelated.crt', pem);
    await runProgram('openssl', 'ecparam -name prime256v1 -genkey -noout -out shared.key'.split(' '), { cwd: folder });
    for (const name of ['twin1', 'twin2']) {
      const args = `req -x509 -new -key shared.key -days 9 -subj /CN=${name} -out ${name}.crt`;
      await runProgram('openssl', args.split(' '), { cwd: folder });
    }
    await run(['twin1.crt', 'twin2.crt', 'unrelated.crt']);
    expect((await run(['shared.key'])).stdout).toMatch(
      /^ {2}shared.key: the key of CN=twin\d fits further certificates, which have it now: [0-9a-f-]{36}$/m,
    );
  });

  test('a key whose certificate is nowhere is told what to do', async () => {
    write('lone.key', (await makeCertificate({ commonName: 'lone' })).keyPem);
    const { code, stderr } = await run(['lone.key']);
    expect(code).toBe(1);
    expect(stderr).toContain('import the certificate with it. (NO_CERTIFICATE_FOR_KEY)');
  });

  test.skipIf(!hasProgram('keytool'))(
    'a Java keystore without its password gives its certificates, and says what it keeps',
    async () => {
      const keytool = '-genkeypair -alias web -keyalg EC -dname CN=jks.example.test -storetype JKS -keystore web.jks';
      await runProgram('keytool', [...keytool.split(' '), '-storepass', 'changeit', '-keypass', 'changeit'], {
        cwd: folder,
      });
      const { code, stdout } = await run(['web.jks']);
      expect(stdout).toMatch(/^web.jks +created .* no +CN=jks.example.test$/m);
      expect(stdout).toMatch(/^Notices:\n {2}web.jks: .*key.*password/m);
      expect(code).toBe(0);
      const env = { CERTFERRY_PASSWORD: 'changeit' };
      expect((await run(['web.jks'], { env })).stdout).toMatch(/^web.jks +updated \(key\) .* yes /m);
    },
  );

  describe('from where it is', () => {
    test('a file by its URL, whose query is not shown', async () => {
      const { pem } = await makeCertificate({ commonName: 'by-url' });
      const port = await served(serveFiles(identity(), { '/pki/by-url.pem': pem }));
      const at = `https://127.0.0.1:${port}/pki`;
      const { code, stdout } = await run([`${at}/by-url.pem?token=canary-token`, `${at}/nope.pem`]);
      expect(code).toBe(7);
      expect(stdout).toContain(`  ${at}/nope.pem: ${at}/nope.pem answered with the status 404. (URL_NOT_SERVED)`);
      expect(stdout).toMatch(new RegExp(`^${at}/by-url.pem +created .* CN=by-url$`, 'm'));
      expect(stdout + system.output()).not.toContain('canary-token');
      const plain = await run(['http://127.0.0.1/a?token=canary-token']);
      expect(plain.stderr).toContain('http://127.0.0.1/a: Only https is fetched, not http. (INVALID_URL)');
    });

    test('what a server shows, by the name that is asked for, and after STARTTLS', async () => {
      const { leaf, intermediate } = await makeChain('shown.example.test');
      write('shown.crt', leaf.pem);
      write('shown-chain.pem', intermediate.pem);
      write('shown.key', leaf.keyPem);
      const first = ['-cert', 'site.crt', '-key', 'site.key'];
      const named = ['-servername', 'named.example.test', '-cert2', 'shown.crt', '-key2', 'shown.key'];
      const tls = await served(startTlsServer(folder, [...first, ...named]));
      const chained = ['-cert', 'shown.crt', '-key', 'shown.key', '-cert_chain', 'shown-chain.pem'];
      const withChain = await served(startTlsServer(folder, chained));
      const smtp = await served(serveSmtp(identity()));
      expect(await run([`tls://127.0.0.1:${tls}`, '--dry-run'])).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^tls:\/\/127.0.0.1:\d+ +created .*CN=site.example.test$/m),
      });
      const other = await run([`tls://127.0.0.1:${tls}`, '--server-name', 'named.example.test']);
      expect(other.stdout).toMatch(/^tls:\S+ +created .* CN=shown.example.test$/m);
      const chain = await run([`tls://127.0.0.1:${withChain}`]);
      expect(chain.stdout).toContain('1 created, 1 unchanged.');
      expect(chain.stdout).toMatch(/^Chains:\n {2}tls:\S+ CN=shown.example.test < CN=/m);
      expect((await run([`smtp://127.0.0.1:${smtp}`])).stdout).toMatch(/^smtp:\S+ +created .* CN=site.example.test$/m);
      const inspected = await command.run(['inspect', `tls://127.0.0.1:${tls}`]);
      expect(inspected.stdout).toMatch(/^Subject +CN=site.example.test$/m);
    });

    test('a refusal says what to do, and the rest is imported', async () => {
      const { pem } = await makeCertificate({ commonName: 'beside' });
      write('beside.crt', pem);
      const { code, stdout } = await run(['https://10.0.0.1/a.pem', 'tls://10.0.0.1', 'beside.crt']);
      expect(code).toBe(7);
      for (const name of ['https://10.0.0.1/a.pem', 'tls://10.0.0.1'])
        expect(stdout).toContain(
          `${name}: 10.0.0.1 has no public address: CERTFERRY_OUTBOUND_ALLOW can allow its name or network. ` +
            'Set it in the environment of the server, and start that again. (ADDRESS_NOT_ALLOWED)',
        );
      expect(stdout).toContain('1 created, 2 failed.');
    });

    test('what is no such URL is refused by name, before anything is sent', async () => {
      for (const [url, said] of [
        ['ldaps://dc.example.test', 'a port that begins with TLS is tls://host:port'],
        ['ftp://example.test/a.pem', 'Nothing is imported from ftp://'],
        ['tls://user:canary@example.test/', 'tls://example.test: A server is named as tls://host'],
        ['smtp://mail.example.test/inbox', 'without anything else'],
        ['tls://mail.example.test:99999', 'without anything else'],
      ] as const) {
        const { code, stderr } = await run([url]);
        expect(code).toBe(1);
        expect(stderr).toContain(said);
        expect(stderr).not.toContain('canary');
      }
      expect(await run(['site.crt', '--server-name', 'x'])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('--server-name is for what a server shows'),
      });
    });
  });
});
