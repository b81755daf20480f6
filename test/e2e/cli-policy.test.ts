import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate, makeChain, temporaryFolder, type TestCertificate } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCertferry, type RunningSystem } from '../running-system.ts';
import { commandLine, type CommandLine } from './command-line.ts';

describe('the command line takes nothing away silently', () => {
  let system: RunningSystem;
  let folder: string;
  let command: CommandLine;
  beforeAll(async () => {
    system = await startCertferry('standalone');
    folder = temporaryFolder('cli-policy');
    command = commandLine(system, folder);
  });
  afterAll(() => system.stop());

  const run = (...args: string[]) => command.run(args);
  const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout) as any;
  /** Imports a certificate of a new CA under a name; with its key unless told otherwise. */
  const take = async (name: string, options: { host: string; keyless?: boolean; notAfter?: Date }) => {
    const { intermediate, root } = await makeChain(options.host);
    const leaf = await makeCertificate({ commonName: options.host, issuer: intermediate, ...options });
    writeFileSync(join(folder, `${name}.pem`), leaf.pem + (options.keyless ? '' : leaf.keyPem));
    writeFileSync(join(folder, 'issuers.pem'), intermediate.pem + root.pem);
    for (const args of [['issuers.pem'], [`${name}.pem`, '--name', name]])
      expect(await run('import', ...args)).toMatchObject({ code: 0 });
    return leaf;
  };
  const path = (name: string) => join(system.storesDir, name);
  const add = async (name: string, ...options: string[]) =>
    expect(
      await run('stores', 'add', name, '--kind', 'pem', ...options, '--config', `combinedPath=${path(`${name}.pem`)}`),
    ).toMatchObject({ code: 0 });
  const fill = (name: string, { pem, keyPem }: TestCertificate) => writeFileSync(path(`${name}.pem`), pem + keyPem);

  test('a dry run says which certificate is there, and what it would lose', async () => {
    await add('dry');
    const foreign = await makeCertificate({
      commonName: 'dry.example.com',
      notAfter: new Date('2031-02-03T00:00:00Z'),
    });
    fill('dry', foreign);
    await take('dry', { host: 'dry.example.com' });
    const planned = await run('deploy', 'dry', '--store', 'dry', '--overwrite', '--dry-run');
    expect(planned).toMatchObject({ code: 0 });
    expect(planned.stdout).toMatch(
      /^dry +replace +CN=dry\.example\.com \(expires 2031-02-03, with key\) in .*dry\.pem$/m,
    );
    expect(planned.stdout).toMatch(
      /^dry +warning +The inventory does not have the private key of CN=dry\.example\.com/m,
    );
    expect(readFileSync(path('dry.pem'), 'utf8')).toBe(foreign.pem + foreign.keyPem);
  });

  test('a key goes only with --allow-key-removal', async () => {
    await add('keys');
    fill('keys', await take('keyed', { host: 'keys.example.com' }));
    await take('keyless', { host: 'keys.example.com', keyless: true });
    const deploy = ['deploy', 'keyless', '--store', 'keys', '--overwrite'];
    const planned = await run(...deploy, '--dry-run');
    expect(planned).toMatchObject({ code: 6, stdout: expect.stringContaining('PROBLEM') });
    expect(await run(...deploy, '--wait')).toMatchObject({
      code: 6,
      stdout: expect.stringContaining('without its private key'),
    });
    expect(readFileSync(path('keys.pem'), 'utf8')).toContain('PRIVATE KEY');
    expect(await run(...deploy, '--wait', '--allow-key-removal')).toMatchObject({ code: 0 });
    expect(readFileSync(path('keys.pem'), 'utf8')).not.toContain('PRIVATE KEY');
  });

  test('what the policy refuses is written by --force alone, and the audit log has it', async () => {
    await add('expired');
    const { der } = await take('late', { host: 'late.example.com', notAfter: new Date('2025-06-01T00:00:00Z') });
    const byName = await run('deploy', 'late', '--store', 'expired', '--dry-run');
    expect(byName.stderr).toContain('name one by its id or fingerprint');
    const deploy = ['deploy', hash('sha256', der, 'hex'), '--store', 'expired'];
    expect((await run(...deploy, '--dry-run')).stdout).toMatch(/^expired +REFUSED +It expired on 2025-06-01\.$/m);
    expect(await run(...deploy, '--wait')).toMatchObject({ code: 6 });
    const [job] = await json(...deploy, '--wait', '--force');
    expect(job).toMatchObject({ status: 'succeeded', forced: true, findings: [{ rule: 'expired' }] });
    expect((await run('jobs', 'show', job.id)).stdout).toContain('Forced, against the store');
    const audit = await fetch(`${system.url}/v1/audit`, { headers: { authorization: `Bearer ${system.apiKey}` } });
    const { items } = (await audit.json()) as { items: { action: string; reason?: string }[] };
    expect(items.map(({ reason }) => reason)).toContain(`force for ${job.storeId}`);
  });

  test('a store is edited: what is not named stays, its policy too; and it is forgotten', async () => {
    await add('edited', '--policy', 'names=warn', '--label', 'rack=7', 'row=2');
    const shown = async (name: string) => (await json('stores', 'ls')).find((one: any) => one.name === name);
    expect(await shown('edited')).toMatchObject({ policy: { names: 'warn', expired: 'refuse' } });
    const edit = ['stores', 'edit', 'edited', '--policy', 'weak=refuse', '--unset', 'row'];
    // A boolean goes as one: the kind's schema says that it is.
    expect(await run(...edit, '--config', 'combinedWithoutChain=true')).toMatchObject({ code: 0 });
    expect(await shown('edited')).toMatchObject({
      config: { combinedPath: path('edited.pem'), combinedWithoutChain: true },
      labels: { rack: '7' },
      policy: { names: 'warn', weak: 'refuse' },
    });
    expect((await shown('edited')).labels).toEqual({ rack: '7' });
    await take('other names', { host: 'b.example.com' });
    fill('edited', await take('first', { host: 'a.example.com' }));
    const warned = await run('deploy', 'other names', '--store', 'edited', '--overwrite', '--dry-run');
    expect(warned).toMatchObject({ code: 0, stdout: expect.stringContaining('warning') });

    for (const [args, said] of [
      [['stores', 'edit', 'edited'], 'Say what to change'],
      [['stores', 'edit', 'edited', '--unset', 'nothing'], 'nothing'],
      [['stores', 'edit', 'edited', '--config', 'combinedWithoutChain=maybe'], 'combinedWithoutChain'],
      [['stores', 'edit', 'edited', '--policy', 'names=never'], 'refuse, warn, allow'],
      [['stores', 'rm', 'edited'], '--yes'],
    ] as const)
      expect(await run(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
    expect(await run('stores', 'edit', 'edited', '--name', 'renamed')).toMatchObject({ code: 0 });
    expect((await run('stores', 'rm', 'renamed', '--yes')).stdout).toContain('forgot store');
    expect(await shown('renamed')).toBeUndefined();
    expect(readFileSync(path('edited.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
  });

  test('jobs are cancelled and retried', async () => {
    await add('later');
    await take('later', { host: 'later.example.com' });
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const [job] = await json('deploy', 'later', '--store', 'later', '--at', at);
    expect(await json('jobs', 'cancel', job.id)).toMatchObject([{ id: job.id, status: 'cancelled' }]);
    expect(await run('jobs', 'cancel', job.id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('JOB_NOT_CANCELLABLE'),
    });
    expect(await run('jobs', 'retry', job.id)).toMatchObject({ code: 0, stdout: expect.stringContaining(job.id) });
    expect((await json('jobs', 'show', job.id)).status).not.toBe('cancelled');
    expect(await run('jobs', 'retry', 'nobody')).toMatchObject({ code: 3 });
  });

  test('a certificate that is deployed, or about to be, is deleted by --force alone', async () => {
    await add('used');
    await add('waiting');
    await take('used', { host: 'used.example.com' });
    expect(await run('deploy', 'used', '--store', 'used', '--wait')).toMatchObject({ code: 0 });
    const at = new Date(Date.now() + 3_600_000).toISOString();
    expect(await run('deploy', 'used', '--store', 'waiting', '--at', at)).toMatchObject({ code: 0 });
    const refused = await run('certs', 'rm', 'used', '--yes');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('CERTIFICATE_DEPLOYED') });
    expect(refused.stderr).toContain('it is in the store "used", and jobs of it wait for the store "waiting"');
    expect(await run('certs', 'rm', 'used', '--yes', '--force')).toMatchObject({ code: 0 });
    expect(readFileSync(path('used.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
  });
});
