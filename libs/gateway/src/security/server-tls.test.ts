import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { makeCertificate, makeChain, temporaryFolder, type TestCertificate } from '@certferry/testing';
import { expect, test } from 'vitest';
import { openServerTls, renewServerTls, tlsNames } from './server-tls.ts';

const DAY_MS = 86_400_000;
const now = new Date('2026-11-27T00:00:00Z');
const save = (name: string, content: string) => {
  const path = join(temporaryFolder('tls'), name);
  writeFileSync(path, content);
  return path;
};
const open = (settings: { tlsCert?: string; tlsKey?: string; tlsNames?: string[] }, folder = temporaryFolder('tls')) =>
  openServerTls({ tlsNames: [], ...settings }, { folder, now });

/** The subject of what a server with this certificate shows to a client that trusts `ca` and asks for `name`. */
async function shownTo(port: number, ca: string, name: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca, ...(/^[\d.]+$/.test(name) ? {} : { servername: name }) });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN!.toString();
}

async function serveTls(tls: { cert: string; key: string }) {
  const server = createServer(tls).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

test('the product’s own certificate is for this machine and for the names that are asked for', async () => {
  const folder = temporaryFolder('tls');
  const names = ['certs.example.com', '192.0.2.7', '2001:db8::1'];
  const first = await open({ tlsNames: names }, folder);
  const ca = readFileSync(join(folder, 'ca.crt'), 'utf8');
  const { server, port } = await serveTls(first);
  for (const name of ['localhost', '127.0.0.1', 'certs.example.com']) await shownTo(port, ca, name);
  await expect(shownTo(port, ca, 'other.example.com')).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  server.close();
  expect(
    execFileSync('openssl', ['x509', '-noout', '-ext', 'subjectAltName'], { input: first.cert, encoding: 'utf8' }),
  ).toMatch(/DNS:certs.example.com, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1/);

  expect(await open({ tlsNames: names }, folder)).toEqual(first);
  const more = await open({ tlsNames: [...names, 'new.example.com'] }, folder);
  expect(more.cert).not.toBe(first.cert);
  expect(readFileSync(join(folder, 'ca.crt'), 'utf8')).toBe(ca);
  const inAYear = { folder, now: new Date(now.getTime() + 370 * DAY_MS) };
  expect((await openServerTls({ tlsNames: names }, inAYear)).cert).not.toBe(more.cert);
});

test('own files are served as they are, the chain with them', async () => {
  const { root, intermediate, leaf } = await makeChain('own.example.com');
  const tls = await open({
    tlsCert: save('cert.pem', leaf.pem + intermediate.pem),
    tlsKey: save('key.pem', leaf.keyPem),
  });
  const { server, port } = await serveTls(tls);
  expect(await shownTo(port, root.pem, 'own.example.com')).toBe('own.example.com');
  server.close();
});

test('a renewed file is served without a new start; one that does not fit leaves the old one', async () => {
  const [old, renewed] = [
    await makeCertificate({ commonName: 'old' }),
    await makeCertificate({ commonName: 'renewed' }),
  ];
  const paths = { tlsCert: save('cert.pem', old.pem), tlsKey: save('key.pem', old.keyPem) };
  const { server, port } = await serveTls(await open(paths));
  writeFileSync(paths.tlsCert, renewed.pem);
  await expect(renewServerTls(server, () => open(paths))).rejects.toThrow('does not belong to');
  expect(await shownTo(port, old.pem, 'old')).toBe('old');
  writeFileSync(paths.tlsKey, renewed.keyPem);
  await renewServerTls(server, () => open(paths));
  expect(await shownTo(port, renewed.pem, 'renewed')).toBe('renewed');
  server.close();
});

test('the start says which file is missing or does not fit', async () => {
  const one: TestCertificate = await makeCertificate({ commonName: 'one' });
  const other = await makeCertificate({ commonName: 'other' });
  const cert = save('cert.pem', one.pem);
  const key = save('key.pem', one.keyPem);
  const locked = execFileSync('openssl', ['pkcs8', '-topk8', '-passout', 'pass:secret'], {
    input: one.keyPem,
    encoding: 'utf8',
  });
  const cases: [settings: Parameters<typeof open>[0], message: string][] = [
    [{ tlsCert: cert }, 'CERTFERRY_TLS_CERT and CERTFERRY_TLS_KEY go together.'],
    [{ tlsKey: key }, 'CERTFERRY_TLS_CERT and CERTFERRY_TLS_KEY go together.'],
    [{ tlsCert: '/nowhere/cert.pem', tlsKey: key }, 'CERTFERRY_TLS_CERT: cannot read /nowhere/cert.pem (ENOENT).'],
    [{ tlsCert: cert, tlsKey: '/nowhere/key.pem' }, 'CERTFERRY_TLS_KEY: cannot read /nowhere/key.pem (ENOENT).'],
    [{ tlsCert: key, tlsKey: key }, `CERTFERRY_TLS_CERT: ${key} has no PEM certificate.`],
    [{ tlsCert: cert, tlsKey: cert }, `CERTFERRY_TLS_KEY: ${cert} has no PEM key that opens without a password.`],
    [{ tlsCert: cert, tlsKey: save('locked.pem', locked) }, 'has no PEM key that opens without a password.'],
    [{ tlsCert: cert, tlsKey: save('other.pem', other.keyPem) }, 'does not belong to the first certificate in'],
    [{ tlsCert: cert, tlsKey: key, tlsNames: ['a.example.com'] }, 'CERTFERRY_TLS_NAMES is for the certificate that'],
  ];
  for (const [settings, message] of cases) {
    const error = await open(settings).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'INVALID_CONFIG', message: expect.stringContaining(message) });
  }
});

test('names are separated by commas, and each is a DNS name or an address', () => {
  expect(tlsNames.parse(' a.example.com, *.b.example.com,192.0.2.7 ,::1,')).toEqual([
    'a.example.com',
    '*.b.example.com',
    '192.0.2.7',
    '::1',
  ]);
  for (const bad of [
    'a b',
    'https://a.example.com',
    'a.example.com:8443',
    '-a',
    'ä.example.com',
    `${'a.'.repeat(130)}b`,
  ]) {
    const [issue] = tlsNames.safeParse(`ok.example.com,${bad}`).error!.issues;
    expect(issue!.message).toBe(`"${bad}" is neither a DNS name nor an IP address`);
  }
});
