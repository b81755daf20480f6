import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer as createPlainServer } from 'node:net';
import { WAYS } from '@certferry/rpc/testing';
import {
  freePort,
  hasProgram,
  makeCertificate,
  makeChain,
  startProgram,
  temporaryFolder,
  type RunningProgram,
  type TestCertificate,
} from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';

const codes = (found: { findings?: { code: string; index: number }[] }) =>
  found.findings!.map(({ code, index }) => `${code} ${index}`);

describe.skipIf(!hasProgram('openssl')).each(WAYS)('probes %s', (way) => {
  let service: TestDeployment;
  beforeAll(async () => void (service = await startDeployment(way)));
  afterAll(() => service.stop());
  const running: RunningProgram[] = [];
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop('SIGKILL');
  });

  /** OpenSSL's server with these certificates, the leaf's key with the first. */
  async function serve(chain: TestCertificate[], args: string[] = []): Promise<string> {
    const folder = temporaryFolder('probe');
    const port = await freePort();
    writeFileSync(join(folder, 'leaf.pem'), chain[0]!.pem);
    writeFileSync(join(folder, 'key.pem'), chain[0]!.keyPem, { mode: 0o600 });
    writeFileSync(
      join(folder, 'chain.pem'),
      chain
        .slice(1)
        .map(({ pem }) => pem)
        .join(''),
    );
    const more = chain.length > 1 ? ['-cert_chain', 'chain.pem'] : [];
    const given = ['-accept', `127.0.0.1:${port}`, '-cert', 'leaf.pem', '-key', 'key.pem', ...more, ...args];
    running.push(await startProgram('openssl', ['s_server', ...given], { ready: /ACCEPT/, cwd: folder }));
    return `127.0.0.1:${port}`;
  }
  const probe = (address: string, serverName = 'www.example.com') =>
    service.probes.probeEndpoint({ address, serverName });

  test('what is served, whose certificate of the inventory it is, and that nothing is wrong', async () => {
    const { leaf, intermediate, root } = await makeChain('www.example.com');
    const id = service.inventory.add(leaf);
    service.inventory.add(root);
    const address = await serve([leaf, intermediate], ['-tls1_3']);
    const shown = await probe(address);
    expect(shown).toMatchObject({
      ...{ address: `tls://${address}`, serverName: 'www.example.com', coversServerName: true, findings: [] },
      ...{ protocol: 'TLSv1.3', cipher: expect.stringMatching(/^TLS_/) as string },
      certificates: [
        { certificateId: id, fingerprintSha256: readCertificate(leaf.der).fingerprintSha256 },
        { certificateId: '', facts: { subject: readCertificate(intermediate.der).subject } },
      ],
    });
    expect(shown.certificates!.map(({ der }) => Buffer.from(der))).toEqual([leaf.der, intermediate.der]);
    const ends = readCertificate(leaf.der).notAfter.getTime();
    expect(shown.daysLeft).toBe(Math.floor((ends - service.clock.now().getTime()) / 86_400_000));
  });

  test('an expired one, one for another name, a self-signed one', async () => {
    const { intermediate, root } = await makeChain('x.example.com');
    const expired = { commonName: 'www.example.com', issuer: intermediate, notAfter: new Date('2026-01-02') };
    const address = await serve([await makeCertificate(expired), intermediate, root]);
    const old = await probe(address);
    expect(codes(old)).toEqual(['EXPIRED 0']);
    expect(old.daysLeft).toBeLessThan(0);
    const other = await probe(address, 'mail.example.com');
    expect(other.coversServerName).toBe(false);
    expect(other.findings![1]!.message).toBe('It is for www.example.com, not for mail.example.com.');
    expect(codes(await probe(address, ''))).toEqual(['EXPIRED 0', 'NAME_MISMATCH 0']);
    const selfSigned = await makeCertificate({ commonName: 'www.example.com' });
    expect(codes(await probe(await serve([selfSigned])))).toEqual(['SELF_SIGNED 0']);
  });

  test('a wildcard covers one label', async () => {
    const wild = await makeCertificate({ commonName: 'wild', names: ['*.example.com'] });
    const address = await serve([wild]);
    expect((await probe(address)).coversServerName).toBe(true);
    for (const name of ['example.com', 'a.www.example.com', 'wild'])
      expect((await probe(address, name)).coversServerName).toBe(false);
  });

  test('an incomplete chain, an unknown root, a wrong order', async () => {
    const { leaf, intermediate, root } = await makeChain('www.example.com');
    expect(codes(await probe(await serve([leaf])))).toEqual(['INCOMPLETE_CHAIN 0']);
    const unknown = await serve([leaf, intermediate]);
    expect(codes(await probe(unknown))).toEqual(['UNKNOWN_ROOT 1']);
    expect(codes(await probe(await serve([leaf, root, intermediate])))).toEqual(['CHAIN_NOT_IN_ORDER 2']);
    service.inventory.add(root);
    expect(codes(await probe(unknown))).toEqual([]);
    const below = await makeCertificate({ commonName: 'below', issuer: intermediate, ca: true });
    const deep = await makeCertificate({ commonName: 'www.example.com', issuer: below });
    service.inventory.add(intermediate);
    expect(codes(await probe(await serve([deep, below])))).toEqual(['INCOMPLETE_CHAIN 1']);
  });

  test('a name in a certificate is no filter', async () => {
    const issuer = await makeCertificate({ commonName: 'x\\" OR DN -ne \\"y', ca: true });
    const leaf = await makeCertificate({ commonName: 'www.example.com', issuer });
    expect(codes(await probe(await serve([leaf])))).toEqual(['INCOMPLETE_CHAIN 0']);
    service.inventory.add(issuer);
    expect(codes(await probe(await serve([leaf])))).toEqual([]);
  });

  test.each([
    ['no server', 'ftp://www.example.com', '', 'INVALID_FIELD'],
    ['no name', '127.0.0.1:1', 'https://x', 'INVALID_FIELD'],
    ['a private address', '10.0.0.1:443', '', 'ADDRESS_NOT_ALLOWED'],
    ['a port where nobody is', '127.0.0.1:1', '', 'CONNECT_FAILED'],
  ])('are refused for %s', async (_, address, serverName, reason) => {
    await expect(service.probes.probeEndpoint({ address, serverName })).rejects.toMatchObject({ reason });
  });

  test('a server without TLS is said to have none', async () => {
    const plain = createPlainServer((socket) => socket.end('220 hello\r\n'));
    const port = await freePort();
    await new Promise<void>((resolve) => plain.listen(port, '127.0.0.1', resolve));
    await expect(probe(`127.0.0.1:${port}`)).rejects.toMatchObject({ reason: 'TLS_FAILED' });
    plain.close();
  });
});
