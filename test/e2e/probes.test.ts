import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hasProgram, makeCertificate, makeChain, temporaryFolder } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';
import { commandLine, type CommandLine } from './command-line.ts';
import { startTlsServer, type LoopbackServer } from './loopback-servers.ts';
import { shellBlocks } from './shell-blocks.ts';

const root = join(import.meta.dirname, '..', '..');

describe.skipIf(!hasProgram('openssl') || !hasProgram('curl'))('certferry probe', () => {
  let system: RunningSystem;
  let folder: string;
  let command: CommandLine;
  let server: LoopbackServer;
  beforeAll(async () => {
    folder = temporaryFolder('probes');
    const { leaf, intermediate, root: ca } = await makeChain('web.example.com');
    const old = await makeCertificate({ commonName: 'old', issuer: intermediate, notAfter: new Date('2026-01-02') });
    for (const [name, content] of Object.entries({
      'web.pem': leaf.pem,
      'web.key': leaf.keyPem,
      'chain.pem': intermediate.pem,
      'import.pem': leaf.pem + leaf.keyPem + intermediate.pem + ca.pem,
      'old.pem': old.pem,
      'old.key': old.keyPem,
    }))
      writeFileSync(join(folder, name), content, { mode: 0o600 });
    system = await startCertferry('standalone', { settings: { CERTFERRY_OUTBOUND_ALLOW: '127.0.0.1' } });
    command = commandLine(system, folder);
    server = await startTlsServer(folder, ['-cert', 'web.pem', '-key', 'web.key', '-cert_chain', 'chain.pem']);
  });
  afterAll(async () => {
    await server.stop();
    await system.stop();
  });
  const address = () => `127.0.0.1:${server.port}`;
  const probe = (name: string, where = address()) => command.run(['probe', where, '--server-name', name]);

  test('says by its exit code what is wrong', async () => {
    expect((await command.run(['import', 'import.pem'])).code).toBe(0);
    const good = await probe('web.example.com');
    expect(good).toMatchObject({ code: 0, stderr: '' });
    for (const line of [/^Subject +CN=web\.example\.com$/m, /^TLS +TLSv1\.3, TLS_/m, /, [\d,]+ days left$/m])
      expect(good.stdout).toMatch(line);
    const other = await probe('mail.example.com');
    expect(other).toMatchObject({ code: 9, stderr: expect.stringContaining('(NAME_MISMATCH)') });
    expect(other.stdout).toContain('CN=web.example.com');
    expect(await probe('x', 'ftp://127.0.0.1')).toMatchObject({ code: 2 });
    expect(await probe('x', '127.0.0.1:1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('CONNECT_FAILED'),
    });
    const notAllowed = await probe('x', '10.0.0.1:443');
    expect(notAllowed).toMatchObject({ code: 4, stderr: expect.stringContaining('CERTFERRY_OUTBOUND_ALLOW') });
  });

  test('tells an expired one and one without its chain apart', async () => {
    const expired = await startTlsServer(folder, ['-cert', 'old.pem', '-key', 'old.key']);
    const alone = await startTlsServer(folder, ['-cert', 'web.pem', '-key', 'web.key']);
    try {
      expect(await probe('x', `127.0.0.1:${expired.port}`)).toMatchObject({ code: 8 });
      expect(await probe('web.example.com', `127.0.0.1:${alone.port}`)).toMatchObject({ code: 10 });
      const json = await command.run([
        'probe',
        `127.0.0.1:${alone.port}`,
        '--server-name',
        'web.example.com',
        '--json',
      ]);
      expect(JSON.parse(json.stdout)).toMatchObject({ findings: [{ code: 'INCOMPLETE_CHAIN', index: 0 }] });
      expect(JSON.parse(json.stderr)).toMatchObject({ reason: 'BROKEN_CHAIN', exitCode: 10 });
    } finally {
      await expired.stop();
      await alone.stop();
    }
  });

  test('needs the scope of an import', async () => {
    const { body } = await call(system, 'POST', '/v1/api-keys', { name: 'reader', scopes: ['read'] });
    const reader = { url: system.url, apiKey: body['key'] as string };
    const refused = await call(reader, 'POST', '/v1/probes', { address: address() });
    expect(refused.status).toBe(403);
  });

  test('docs/probes.md: every command works as printed, and the look says what is served', async () => {
    const script = ['set -euo pipefail', ...shellBlocks(join(root, 'docs', 'probes.md'))].join('\n');
    const env = { ...process.env, CERTFERRY_URL: system.url, CERTFERRY_API_KEY: system.apiKey };
    const printed = script
      .replaceAll('http://127.0.0.1:8080', system.url)
      .replaceAll(':4433', `:${server.port}`)
      .replaceAll('=web.', `=${join(system.storesDir, 'web.')}`);
    const { stdout } = await promisify(execFile)('bash', ['-c', printed], { cwd: root, env });
    expect(stdout).toContain('"coversServerName":true');
    expect(stdout).toContain('added store web');
    const deployed = await command.run(['deploy', 'web.example.com', '--store', 'web', '--wait', '--json']);
    expect(deployed.code).toBe(0);
    const [job] = JSON.parse(deployed.stdout) as { id: string; fingerprintSha256: string }[];
    const shown = await command.run(['jobs', 'show', job!.id]);
    expect(shown.stdout).toContain(`${address()} (web.example.com): yes, ${job!.fingerprintSha256} (looked at once)`);
    expect(readFileSync(join(system.storesDir, 'web.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
  });
});
