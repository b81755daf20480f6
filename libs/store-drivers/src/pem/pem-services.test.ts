import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectDirectly } from '@certferry/outbound';
import { hasProgram, makeCertificate, makeChain, temporaryFolder } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { describe, expect, test } from 'vitest';
import { checkConfig } from '../check-config.ts';
import { StoreRoots } from '../files/store-roots.ts';
import { LocalStoreAccess } from '../local-store-access.ts';
import type { AddChange, OpenStore } from '../store-driver.ts';
import { useParser } from '../toy/start-parser.ts';
import { pem } from './pem-driver.ts';

// What real programs say of the files, and what PEM stores do besides what every store does.

const parser = useParser();
const folder = temporaryFolder('pem');
const at = (name: string) => join(folder, name);
const one = await makeChain('one.example.com');
const two = await makeChain('two.example.com');

async function open(config: Record<string, unknown>): Promise<OpenStore> {
  const access = new LocalStoreAccess({ roots: new StoreRoots([folder]), parser: parser(), connect: connectDirectly });
  const limits = { signal: new AbortController().signal, deadline: new Date(Date.now() + 60_000) };
  return await access.open({ id: 'a-b-c', kind: 'pem', config }, limits);
}

const addition = ({ leaf, intermediate, root }: typeof one, given: Partial<AddChange> = {}): AddChange => ({
  ...{ action: 'add', alias: '', overwrite: true, certificate: leaf.der, privateKey: leaf.keyDer },
  fingerprintSha256: readCertificate(given.certificate ?? leaf.der).fingerprintSha256,
  chain: [intermediate.der, root.der],
  ...given,
});

async function deploy(config: Record<string, unknown>, change: AddChange): Promise<OpenStore> {
  const store = await open(config);
  await (await store.prepare(change)).write();
  return store;
}

const read = (name: string) => readFileSync(at(name), 'utf8');
const count = (name: string) => read(name).match(/BEGIN CERTIFICATE/g)?.length ?? 0;

describe('the config of a PEM store', () => {
  test.each([
    [
      { preset: 'nginx', certificatePath: 'a', keyPath: 'b' },
      'nginx reads fullChainPath and keyPath, not certificatePath',
    ],
    [{ preset: 'haproxy', fullChainPath: 'a', keyPath: 'b' }, '".key" behind it'],
    [{ preset: 'cobol', fullChainPath: 'a' }, 'preset'],
    [{ trustStore: true, certificatePath: 'a', keyPath: 'b' }, 'a trustStore has a certificatePath'],
    [{ trustStore: true, certificatePath: 'a', preset: 'nginx' }, 'no preset'],
    [{ certificatePath: 'a', key: { mode: '999' } }, 'key.mode'],
    [{ certificatePath: 'a', keyPath: 'a' }, 'uses one path twice'],
  ])('%o is refused: %s', (config, message) => {
    expect(() => checkConfig(pem, config)).toThrow(message);
  });

  test('is accepted as each program reads its files', () => {
    for (const config of [
      { preset: 'nginx', fullChainPath: 'a', keyPath: 'b' },
      { preset: 'apache', certificatePath: 'a', chainPath: 'c', keyPath: 'b' },
      { preset: 'haproxy', combinedPath: 'a' },
      { preset: 'postfix', combinedPath: 'a' },
      { preset: 'dovecot', fullChainPath: 'a', keyPath: 'b' },
      { preset: 'postgresql', fullChainPath: 'a', keyPath: 'b', key: { owner: 'postgres', mode: '0600' } },
    ])
      expect(checkConfig(pem, config)).toEqual(config);
  });
});

describe('what a PEM store writes', () => {
  test('new files are 0644, and 0600 with the key', async () => {
    await deploy({ fullChainPath: at('m.crt'), keyPath: at('m.key') }, addition(one));
    await deploy({ combinedPath: at('m.pem'), key: { mode: '0640' } }, addition(one));
    const modes = ['m.crt', 'm.key', 'm.pem'].map((name) => statSync(at(name)).mode & 0o777);
    expect(modes).toEqual([0o644, 0o600, 0o640]);
  });

  test('the root goes along only where that is said', async () => {
    await deploy({ fullChainPath: at('without.pem') }, addition(one));
    await deploy({ fullChainPath: at('with.pem'), includeRoot: true }, addition(one));
    expect([count('without.pem'), count('with.pem')]).toEqual([2, 3]);
  });

  test('no chain file is empty: the root alone goes into it, and without any issuer there is none', async () => {
    const config = { certificatePath: at('e.crt'), chainPath: at('e.chain') };
    await deploy(config, addition(one, { chain: [one.root.der] }));
    expect(count('e.chain')).toBe(1);
    const store = await deploy(config, addition(two, { chain: [] }));
    expect(existsSync(at('e.chain'))).toBe(false);
    expect((await store.entries())[0]!.facts.commonName).toBe('two.example.com');
  });

  test('a certificate without its issuer is said to be', async () => {
    const store = await open({ fullChainPath: at('note.pem') });
    const notes = async (change: AddChange) => (await store.prepare(change)).notes;
    expect(await notes(addition(one, { chain: [] }))).toMatchObject([{ code: 'CHAIN_INCOMPLETE' }]);
    expect(await notes(addition(one))).toEqual([]);
    const { der } = await makeCertificate({ commonName: 'self.example.com' });
    expect(await notes(addition(one, { certificate: der, chain: [] }))).toEqual([]);
  });

  test('a key that is there already, made for this certificate, is none to be overwritten', async () => {
    writeFileSync(at('made.key'), one.leaf.keyPem, { mode: 0o640 });
    const store = await open({ certificatePath: at('made.crt'), keyPath: at('made.key') });
    const { privateKey: _, ...withoutKey } = addition(one, { overwrite: false });
    const prepared = await store.prepare(withoutKey);
    expect(prepared.changes.map(({ what }) => what)).toEqual([at('made.crt')]);
    const { privateKey: __, ...other } = addition(two, { overwrite: false });
    await expect(store.prepare(other)).rejects.toMatchObject({ reason: 'NO_PRIVATE_KEY' });
    await expect(store.prepare(addition(two, { overwrite: false }))).rejects.toMatchObject({ reason: 'ALIAS_EXISTS' });
  });

  test('a store of the same files that is added again, or has other paths, goes on with its links from before', async () => {
    const config = { fullChainPath: at('again.crt'), keyPath: at('again.key'), layout: 'links' };
    await deploy(config, addition(one));
    const { layout: _, ...files } = config;
    const store = await open(files);
    expect((await store.entries())[0]!.facts.commonName).toBe('one.example.com');
    await (await store.prepare(addition(two))).write();
    expect((await (await open(config)).entries())[0]!.facts.commonName).toBe('two.example.com');
  });
});

describe('a trust store', () => {
  test('gets one certificate back as it was, and keeps what others have added since', async () => {
    const [file, thumbprintOf] = [at('restored.pem'), ({ der }: { der: Buffer }) => readCertificate(der).thumbprint];
    writeFileSync(file, one.root.pem + two.root.pem);
    const store = await open({ certificatePath: file, trustStore: true });
    const alias = thumbprintOf(two.root);
    const kept = (await store.snapshot(alias))!;
    await (await store.prepare({ action: 'remove', alias })).write();
    const undone = await store.prepareRestore(alias, kept);
    await undone.write();
    expect(read('restored.pem')).toBe(one.root.pem + two.root.pem);
    await (await store.prepare({ action: 'remove', alias })).write();
    writeFileSync(file, one.root.pem + one.intermediate.pem);
    await (await store.prepareRestore(alias, kept)).write();
    const aliases = (await store.entries()).map((entry) => entry.alias);
    expect(aliases).toEqual([one.root, one.intermediate, two.root].map(thumbprintOf));
  });

  test('holds many certificates by their thumbprints and leaves the others as they are', async () => {
    const foreign = `# Somebody's\n${one.root.pem}\n# Another's root\n# of two lines\n${two.root.pem}`;
    writeFileSync(at('trust.pem'), foreign);
    const store = await open({ certificatePath: at('trust.pem'), trustStore: true });
    const { thumbprint } = readCertificate(one.intermediate.der);
    const { privateKey: _, ...change } = addition(one, {
      alias: thumbprint,
      overwrite: false,
      certificate: one.intermediate.der,
      chain: [one.root.der],
    });
    await (await store.prepare(change)).write();
    expect(read('trust.pem')).toBe(foreign + one.intermediate.pem);
    expect((await store.prepare(change)).changes).toEqual([]);
    const aliases = (await store.entries()).map((entry) => entry.alias);
    expect(aliases).toEqual([one.root, two.root, one.intermediate].map(({ der }) => readCertificate(der).thumbprint));
    const removal = { action: 'remove', alias: readCertificate(two.root.der).thumbprint } as const;
    await (await store.prepare(removal)).write();
    expect(read('trust.pem')).toBe(`# Somebody's\n${one.root.pem}\n${one.intermediate.pem}`);
    expect((await store.prepare(removal)).changes).toEqual([]);
    expect(pem.aliasOf!({ trustStore: true })).toBe('thumbprint');
    expect(pem.holdsPrivateKey({ certificatePath: 'x', trustStore: true })).toBe(false);
  });

  test('is verified against by OpenSSL', { skip: !hasProgram('openssl') }, async () => {
    const store = await open({ certificatePath: at('verify.pem'), trustStore: true });
    for (const { root } of [one, two]) {
      const { thumbprint, fingerprintSha256 } = readCertificate(root.der);
      const change = { ...addition(one), alias: thumbprint, certificate: root.der, fingerprintSha256, chain: [] };
      await (await store.prepare(change)).write();
    }
    writeFileSync(at('leaf.pem'), two.leaf.pem);
    writeFileSync(at('untrusted.pem'), two.intermediate.pem);
    const said = execFileSync('openssl', [
      ...['verify', '-CAfile', at('verify.pem'), '-untrusted', at('untrusted.pem'), at('leaf.pem')],
    ]);
    expect(said.toString()).toContain('OK');
  });
});

/** Runs a program's own test of its config; throws what it says. */
function check(program: string, words: string[]): void {
  execFileSync(program, words, { stdio: 'pipe' });
}

const withPrograms = (...programs: string[]) => test.skipIf(!programs.every((one) => hasProgram(one)));

describe('the files of a preset are read by', () => {
  withPrograms('nginx')('nginx', async () => {
    await deploy({ preset: 'nginx', fullChainPath: at('n.crt'), keyPath: at('n.key') }, addition(one));
    const server = `server { listen 127.0.0.1:1 ssl; ssl_certificate ${at('n.crt')}; ssl_certificate_key ${at('n.key')}; }`;
    const main = `pid ${at('n.pid')}; error_log stderr; events {} http { access_log off; ${server} }`;
    writeFileSync(at('nginx.conf'), main);
    check('nginx', ['-t', '-p', folder, '-c', at('nginx.conf')]);
    await deploy({ preset: 'nginx', fullChainPath: at('n.crt'), keyPath: at('n.key') }, addition(two));
    check('nginx', ['-t', '-p', folder, '-c', at('nginx.conf')]);
  });

  withPrograms('haproxy', 'openssl')('haproxy, with DH parameters behind', async () => {
    await deploy({ preset: 'haproxy', combinedPath: at('h.pem') }, addition(one));
    const dh = execFileSync('openssl', ['genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048']);
    writeFileSync(at('h.pem'), read('h.pem') + dh.toString());
    await deploy({ preset: 'haproxy', combinedPath: at('h.pem') }, addition(two));
    expect(read('h.pem')).toContain(dh.toString());
    const bind = `bind 127.0.0.1:8443 ssl crt ${at('h.pem')}`;
    writeFileSync(at('haproxy.cfg'), `frontend f\n mode http\n timeout client 1s\n ${bind}\n`);
    check('haproxy', ['-c', '-f', at('haproxy.cfg')]);
    const subject = execFileSync('openssl', ['x509', '-in', at('h.pem'), '-noout', '-subject']).toString();
    expect(subject).toContain('two.example.com');
  });

  withPrograms('apache2')('apache, with its chain file', async () => {
    const config = { preset: 'apache', certificatePath: at('a.crt'), chainPath: at('a.chain'), keyPath: at('a.key') };
    await deploy(config, addition(one));
    mkdirSync(at('apache'));
    const modules = ['mpm_event', 'authz_core', 'ssl', 'socache_shmcb'].map(
      (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
    );
    const lines = [
      `ServerRoot ${at('apache')}`,
      ...modules,
      'ServerName localhost',
      'Listen 127.0.0.1:8444',
      `PidFile ${at('apache/pid')}`,
      `ErrorLog ${at('apache/log')}`,
      'SSLEngine on',
      `SSLCertificateFile ${at('a.crt')}`,
      `SSLCertificateChainFile ${at('a.chain')}`,
      `SSLCertificateKeyFile ${at('a.key')}`,
    ];
    writeFileSync(at('apache.conf'), lines.join('\n'));
    check('apache2', ['-t', '-f', at('apache.conf')]);
    await deploy(config, addition(two, { chain: [two.root.der] }));
    check('apache2', ['-t', '-f', at('apache.conf')]);
  });

  withPrograms('openssl')('postfix, whose key comes first, in the form that it had', async () => {
    const config = { preset: 'postfix', combinedPath: at('p.pem'), keyForm: 'traditional' };
    await deploy(config, addition(one));
    chmodSync(at('p.pem'), 0o640);
    await deploy({ ...config, keyForm: undefined }, addition(two));
    expect(read('p.pem')).toMatch(/^-----BEGIN EC PRIVATE KEY-----/);
    const key = execFileSync('openssl', ['pkey', '-in', at('p.pem'), '-pubout']).toString();
    const certificate = execFileSync('openssl', ['x509', '-in', at('p.pem'), '-noout', '-pubkey']).toString();
    expect(key).toBe(certificate);
  });
});
