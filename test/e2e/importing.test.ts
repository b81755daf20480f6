import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, hasProgram, startProgram, temporaryFolder, type RunningProgram } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serveFiles, serveSmtp, startTlsServer, type LoopbackServer } from './loopback-servers.ts';
import { shellBlocks } from './shell-blocks.ts';

// docs/importing.md, its commands as printed; where they say a host of .example.test, a server of this test is asked.

const root = join(import.meta.dirname, '..', '..');
const [makeFiles, start, ...blocks] = shellBlocks(join(root, 'docs', 'importing.md'));

describe.skipIf(!hasProgram('openssl') || !hasProgram('curl') || !hasProgram('zip'))('docs/importing.md', () => {
  const folder = temporaryFolder('importing');
  let environment: NodeJS.ProcessEnv;
  let server: RunningProgram;
  let others: Record<'pki' | 'web3' | 'mail', LoopbackServer>;
  beforeAll(async () => {
    for (const name of ['package.json', 'node_modules', 'apps', 'libs', 'config'])
      symlinkSync(join(root, name), join(folder, name));
    const [http, https] = [await freePort(), await freePort()];
    environment = { CERTFERRY_HTTP_PORT: String(http), CERTFERRY_HTTPS_PORT: String(https) };
    await run([makeFiles!]);
    const at = (name: string) => join(folder, '.certferry', 'in', name);
    const identity = { cert: readFileSync(at('web1.crt'), 'utf8'), key: readFileSync(at('web1.key'), 'utf8') };
    const mail = { cert: readFileSync(at('web2.crt'), 'utf8'), key: readFileSync(at('web2.key'), 'utf8') };
    others = {
      pki: await serveFiles(identity, { '/web1.crt': identity.cert }),
      web3: await startTlsServer(folder, ['-cert', at('web3.crt'), '-key', at('web3.key')]),
      mail: await serveSmtp(mail),
    };
    const options = { cwd: folder, env: environment, ready: /"msg":"ready"/, group: true };
    server = await startProgram('bash', ['-c', `set -eu\n${start}`], options);
  });
  afterAll(async () => {
    await server.stop();
    await Promise.all(Object.values(others).map((one) => one.stop()));
  });

  const run = async (commands: string[]): Promise<string> => {
    const script = ['set -euo pipefail', ...commands].join('\n');
    const env = { ...process.env, ...environment };
    return (await promisify(execFile)('bash', ['-c', script], { cwd: folder, env, maxBuffer: 1e8 })).stdout;
  };

  const onLoopback = (block: string): string => {
    const { pki, web3, mail } = others;
    return block
      .replaceAll('//pki.example.test', `//127.0.0.1:${pki.port}`)
      .replaceAll('tls://web3.example.test:443', `tls://127.0.0.1:${web3.port}`)
      .replaceAll('"host":"web3.example.test","port":443', `"host":"127.0.0.1","port":${web3.port}`)
      .replaceAll('mail.example.test:25', `127.0.0.1:${mail.port}`)
      .replaceAll('"host":"mail.example.test","port":25', `"host":"127.0.0.1","port":${mail.port}`)
      .replaceAll(':8080', `:${environment['CERTFERRY_HTTP_PORT']}`);
  };

  test('every command works as printed', async () => {
    const output = await run(blocks.map(onLoopback));
    for (const expected of [
      /README.txt was passed over/,
      /mail.zip: mail\/web1\/web1.crt +created .* no +CN=web1/,
      /in\/web1.key +updated \(key\) .* yes /,
      /^Passed over:\n {2}.*README.txt: /m,
      /^standard input +unchanged/m,
      /updated \(.*tags.*\)/,
      /A dry run, nothing was kept: \d unchanged/,
      /^completed .*web1.crt$/m,
      /^passed over .*README.txt$/m,
      /^https:\/\/127.0.0.1:\d+\/web1.crt +unchanged .* CN=web1/m,
      /^tls:\/\/127.0.0.1:\d+ +unchanged .* CN=web3/m,
      /^smtp:\/\/127.0.0.1:\d+ +unchanged .* CN=web2/m,
      /^Subject +CN=web3.example.test$/m,
      /"format":"zip","total":2/,
      /"changes":\["tags"\]/,
      /"source":"https:\/\/127.0.0.1:\d+\/web1.crt"/,
      /"source":"tls:\/\/127.0.0.1:\d+\?serverName=web3.example.test"/,
      /"source":"smtp:\/\/127.0.0.1:\d+"/,
      /"status":"(queued|running)"/,
      /"status":"paused"/,
      /"status":"cancelled"/,
      /\}1000$/m,
      /^UNKNOWN_FORMAT: /m,
    ])
      expect(output).toMatch(expected);
    expect(output).not.toMatch(/token=abc|spring-2026/);
  });
});
