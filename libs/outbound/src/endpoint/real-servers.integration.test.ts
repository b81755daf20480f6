import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StartTls } from '@certferry/core';
import {
  findProgram,
  freePort,
  hasProgram,
  makeChain,
  runProgram,
  startProgram,
  temporaryFolder,
  type RunningProgram,
} from '@certferry/testing';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Outbound } from '../outbound.ts';
import { probeEndpoint, readEndpoint } from './read-endpoint.ts';

let sent: Buffer[];
let pem: { chain: string; ordered: string; key: string };
beforeAll(async () => {
  const { leaf, intermediate, root } = await makeChain('localhost');
  const chain = [leaf, root, intermediate, root];
  sent = chain.map(({ der }) => der);
  pem = { chain: chain.map((one) => one.pem).join(''), ordered: leaf.pem + intermediate.pem, key: leaf.keyPem };
});

let running: RunningProgram | undefined;
afterEach(async () => {
  await running?.stop('SIGTERM');
  running = undefined;
});

const read = (port: number, startTls: StartTls) =>
  readEndpoint(
    new Outbound({ allow: ['127.0.0.1'] }),
    { host: '127.0.0.1', port, startTls },
    { signal: new AbortController().signal },
  );

/** A folder with the chain and its key. */
function withFiles(name: string): { folder: string; chain: string; key: string } {
  const folder = temporaryFolder(name);
  const files = { folder, chain: join(folder, 'chain.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.chain, pem.chain);
  writeFileSync(files.key, pem.key, { mode: 0o600 });
  return files;
}

describe.skipIf(!hasProgram('dovecot'))('Dovecot', () => {
  /** A service's own port and no other one, whatever is the default. */
  const listener = (name: string, service: string, port: number) => `
service ${service}-login {
  chroot =
  inet_listener ${name} {
    address = 127.0.0.1
    port = ${port}
  }
  inet_listener ${name}s {
    port = 0
  }
}
`;

  test.each<[StartTls, string]>([
    ['imap', 'imap'],
    ['pop3', 'pop3'],
    ['smtp', 'submission'],
  ])('%s', { timeout: 60_000 }, async (protocol, service) => {
    const { folder, chain, key } = withFiles('dovecot');
    chmodSync(folder, 0o755);
    const port = await freePort();
    const config = join(folder, 'dovecot.conf');
    const relay = service === 'submission' ? 'submission_relay_host = 127.0.0.1\n' : '';
    const settings = `base_dir = ${folder}/run\nstate_dir = ${folder}/state\nlog_path = /dev/stderr\nprotocols = ${service}\n${relay}`;
    const tls = `ssl = required\nssl_cert = <${chain}\nssl_key = <${key}\npassdb {\n  driver = static\n  args = nopassword=y\n}\n`;
    writeFileSync(config, settings + tls + listener(service, service, port));
    running = await startProgram('dovecot', ['-F', '-c', config], { ready: /starting up/ });
    expect(await read(port, protocol)).toEqual(sent);
  });
});

test.skipIf(!hasProgram('slapd'))('OpenLDAP', { timeout: 60_000 }, async () => {
  const { folder, chain, key } = withFiles('slapd');
  const port = await freePort();
  const config = join(folder, 'slapd.conf');
  // Debian's is linked with GnuTLS, which puts a chain in order before it sends it.
  writeFileSync(chain, pem.ordered);
  writeFileSync(config, `pidfile ${folder}/pid\nTLSCertificateFile ${chain}\nTLSCertificateKeyFile ${key}\n`);
  running = await startProgram('slapd', ['-f', config, '-h', `ldap://127.0.0.1:${port}`, '-d', '256'], {
    ready: /slapd starting/,
  });
  // It says so before it listens.
  const served = await vi.waitFor(() => read(port, 'ldap'), { timeout: 10_000, interval: 100 });
  expect(served).toEqual([sent[0], sent[2]]);
});

test.skipIf(!hasProgram('mariadbd'))('MariaDB', { timeout: 60_000 }, async () => {
  const { folder, chain, key } = withFiles('mariadb');
  const data = join(folder, 'data');
  mkdirSync(data);
  const port = await freePort();
  const given = [
    '--no-defaults',
    `--datadir=${data}`,
    '--skip-grant-tables',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
  await runProgram('mariadbd', [...given, '--bootstrap'], { input: '' });
  const listening = [
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    `--socket=${folder}/sock`,
    `--pid-file=${folder}/pid`,
  ];
  const tls = [`--ssl-cert=${chain}`, `--ssl-key=${key}`];
  running = await startProgram('mariadbd', [...given, ...listening, ...tls], { ready: /ready for connections/ });
  expect(await read(port, 'mysql')).toEqual(sent);
});

test.skipIf(!hasProgram('nginx'))('nginx, by the name that is asked for', { timeout: 60_000 }, async () => {
  const { folder, chain, key } = withFiles('nginx');
  const other = await makeChain('other.example.com');
  writeFileSync(join(folder, 'other.pem'), other.leaf.pem);
  writeFileSync(join(folder, 'other.key'), other.leaf.keyPem, { mode: 0o600 });
  const port = await freePort();
  const host = (name: string, certificate: string, its: string) =>
    `server { listen 127.0.0.1:${port} ssl; server_name ${name}; ssl_certificate ${certificate}; ssl_certificate_key ${its}; }\n`;
  const servers = host('localhost', chain, key) + host('other.example.com', 'other.pem', 'other.key');
  const own = 'daemon off; master_process off; pid nginx.pid; error_log stderr notice; events {}\n';
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path tmp-${one};`);
  writeFileSync(join(folder, 'nginx.conf'), `${own}http { access_log off; ${paths.join(' ')}\n${servers}}\n`);
  const given = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'];
  running = await startProgram('nginx', given, { ready: /start worker|using the "epoll"/, cwd: folder });
  const outbound = new Outbound({ allow: ['127.0.0.1'] });
  const probe = (serverName?: string) =>
    probeEndpoint(outbound, { host: '127.0.0.1', port, serverName }, { signal: new AbortController().signal });
  const first = await vi.waitFor(() => probe(), { timeout: 10_000, interval: 100 });
  expect(first).toMatchObject({ certificates: sent, protocol: expect.stringMatching(/^TLSv1/) as string });
  expect(await probe('other.example.com')).toMatchObject({ certificates: [other.leaf.der] });
});

/** Debian has it outside of PATH. */
const postgres = findPostgres();
test.skipIf(!postgres)('PostgreSQL', { timeout: 60_000 }, async () => {
  const { folder, chain, key } = withFiles('postgres');
  const port = await freePort();
  const data = join(folder, 'data');
  mkdirSync(data);
  // It refuses to be root.
  const nobody = process.getuid?.() === 0 ? 65_534 : undefined;
  if (nobody !== undefined) for (const path of [folder, data, chain, key]) chownSync(path, nobody, nobody);
  const as = nobody === undefined ? [] : ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
  const [initialize, ...initializing] = [...as, join(postgres!, 'initdb'), '-D', data, '-U', 'postgres'];
  await runProgram(initialize!, initializing, { cwd: folder });
  const settings = ['ssl=on', `ssl_cert_file=${chain}`, `ssl_key_file=${key}`].flatMap((one) => ['-c', one]);
  const given = ['-D', data, '-h', '127.0.0.1', '-p', `${port}`, '-k', folder, ...settings];
  const [start, ...starting] = [...as, join(postgres!, 'postgres'), ...given];
  running = await startProgram(start!, starting, { ready: /ready to accept connections/, cwd: folder });
  expect(await read(port, 'postgres')).toEqual(sent);
});

function findPostgres(): string | undefined {
  const inPath = findProgram('postgres');
  if (inPath) return join(inPath, '..');
  const debian = '/usr/lib/postgresql';
  try {
    return join(debian, readdirSync(debian)[0]!, 'bin');
  } catch {
    // Says so, or fails where it must be there.
    hasProgram('postgres');
    return undefined;
  }
}
