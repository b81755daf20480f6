import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, runProgram, temporaryFolder } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';
import { commandLine, type CommandLine } from './command-line.ts';

// Passwords that are no password, and ones that are wrong, from the REST API and the command line.

let system: RunningSystem;
let folder: string;
let command: CommandLine;
beforeAll(async () => {
  system = await startCertferry('standalone');
  folder = temporaryFolder('passwords');
  command = commandLine(system, folder);
});
afterAll(() => system.stop());

/** Writes `name`.crt and `name`.key. */
async function make(name: string): Promise<{ certificate: string; key: string }> {
  const { pem, keyPem } = await makeCertificate({ commonName: `${name}.example.com` });
  writeFileSync(join(folder, `${name}.crt`), pem);
  writeFileSync(join(folder, `${name}.key`), keyPem);
  return { certificate: pem, key: keyPem };
}
function form(content: string | Buffer, fields: Record<string, string>): FormData {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  body.set('file', new Blob([new Uint8Array(Buffer.from(content))]), 'file');
  return body;
}
const certificates = async () => (await call(system, 'GET', '/v1/certificates')).body['items'] as unknown[];

describe.skipIf(!hasProgram('certtool'))('a PKCS#12 file of the null password', () => {
  let file: Buffer;
  beforeAll(async () => {
    await make('null');
    const given = ['--load-certificate', 'null.crt', '--load-privkey', 'null.key', '--outder', '--outfile', 'null.p12'];
    const args = ['--to-p12', '--null-password', '--p12-name', 'null', '--pkcs-cipher', '3des-pkcs12', ...given];
    await runProgram('certtool', args, { cwd: folder });
    file = readFileSync(join(folder, 'null.p12'));
  });

  test.each<[string, (content: Buffer) => FormData | object]>([
    ['no field', (content) => form(content, {})],
    ['an empty field of a form', (content) => form(content, { password: '' })],
    ['an empty field of JSON', (content) => ({ contentBase64: content.toString('base64'), password: '' })],
    ['an empty one in a list', (content) => ({ contentBase64: content.toString('base64'), passwords: ['x', ''] })],
  ])('opens by REST with %s', async (_, body) => {
    const { status, body: answer } = await call(system, 'POST', '/v1/imports', body(file));
    expect([status, answer['status']]).toEqual([200, 'completed']);
    expect(answer['items'][0]).toMatchObject({ subject: 'CN=null.example.com', hasPrivateKey: true });
  });

  test('opens on the command line with an empty environment variable, an empty file, and a file of one empty line', async () => {
    writeFileSync(join(folder, 'empty'), '');
    writeFileSync(join(folder, 'line'), '\n');
    const ways: [string[], NodeJS.ProcessEnv][] = [
      [[], {}],
      [[], { CERTFERRY_PASSWORD: '' }],
      [['--password-env', 'OTHER'], { OTHER: '' }],
      [['--password-file', 'empty'], {}],
      [['--password-file', 'line'], {}],
      [['--password-file', 'empty', '--whole-file'], {}],
    ];
    for (const [options, env] of ways) {
      const { code, stdout, stderr } = await command.run(['import', 'null.p12', ...options], { env });
      expect([code, stderr], options.join(' ')).toEqual([0, '']);
      expect(stdout).toContain('null.example.com');
    }
  });

  test('does not open with another one', async () => {
    expect(await call(system, 'POST', '/v1/imports', form(file, { password: 'x' }))).toMatchObject({
      status: 400,
      body: { reason: 'WRONG_PASSWORD' },
    });
  });
});

describe.skipIf(!hasProgram('openssl'))('a traditional key that is encrypted (Proc-Type: 4,ENCRYPTED)', () => {
  test.each([
    ['as it is', (text: string) => text],
    ['with blanks at line ends', (text: string) => text.replaceAll('\n', ' \n')],
  ])('%s: with a wrong password nothing is kept, not even its certificate', async (_, change) => {
    const name = `traditional-${change('\n').length}`;
    const { certificate } = await make(name);
    const args = ['ec', '-in', `${name}.key`, '-aes256', '-passout', 'pass:chängeit'];
    const key = await runProgram('openssl', args, { cwd: folder });
    expect(key).toContain('Proc-Type: 4,ENCRYPTED');
    const content = change(key + certificate);
    const before = await certificates();
    const imports = async () => (await call(system, 'GET', '/v1/imports')).body['items'] as unknown[];
    const importsBefore = await imports();
    for (const [password, reason] of [
      ['wrong', 'WRONG_PASSWORD'],
      [undefined, 'PASSWORD_REQUIRED'],
    ] as const)
      for (const path of ['/v1/imports', '/v1/imports/inspect']) {
        const answer = await call(system, 'POST', path, form(content, password ? { password } : {}));
        expect(answer).toMatchObject({ status: 400, body: { reason } });
      }
    expect([await certificates(), await imports()]).toEqual([before, importsBefore]);
    const right = await call(system, 'POST', '/v1/imports', form(content, { password: 'chängeit' }));
    expect(right.body).toMatchObject({ status: 'completed', created: 1, items: [{ hasPrivateKey: true }] });
  });
});
