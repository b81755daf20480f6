import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, runProgram, temporaryFolder } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { openContainer } from './open-container.ts';

describe.skipIf(!hasProgram('certtool'))('a key that GnuTLS made', () => {
  test.each([
    ['RSA-PSS', ['--key-type', 'rsa-pss', '--hash', 'sha256', '--salt-size', '32']],
    ['RSA', ['--key-type', 'rsa']],
    ['EC', ['--key-type', 'ecdsa']],
  ])('%s is paired with its certificate', async (_, type) => {
    const cwd = temporaryFolder('certtool');
    const template = join(cwd, 'template');
    const certtool = (...args: string[]) => runProgram('certtool', args, { cwd });
    writeFileSync(template, 'cn = "gnutls.example.test"\nexpiration_days = 30\n');
    await certtool('--generate-privkey', '--bits', type[1] === 'ecdsa' ? '256' : '2048', ...type, '--outfile', 'a.key');
    await certtool('--generate-self-signed', '--load-privkey', 'a.key', '--template', template, '--outfile', 'a.crt');
    const file = Buffer.concat(['a.key', 'a.crt'].map((name) => readFileSync(join(cwd, name))));
    expect(openContainer(file, {})).toMatchObject({ failures: [], certificates: [{ key: 0 }], keys: [{}] });
  });
});
