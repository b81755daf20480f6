import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inventoryV1 } from '@certferry/contracts';
import { makeCertificate, makeChain, temporaryFolder, zip } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { profiles, startSystem, type TestSystem } from './hosted-services.ts';

const { CREATED, FAILED, UNCHANGED } = inventoryV1.ImportResult;

// Archives with the real parser behind the inventory; what is read of them has its tests in the parser.

describe('archives in the inventory', () => {
  let system: TestSystem;
  beforeAll(async () => void (system = await startSystem(profiles[0]!)));
  afterAll(() => system.stop());
  const imports = () => system.client(inventoryV1.ImportServiceDefinition);

  test('a ZIP is imported as one container: its keys are kept, each item says its file, a dry run the same', async () => {
    const { leaf, intermediate } = await makeChain('zipped.example.com');
    const lone = await makeCertificate({ commonName: 'lone' });
    const content = zip([
      ['www/cert.crt', leaf.pem],
      ['www/private.key', leaf.keyPem],
      ['ca/issuer.der', intermediate.der],
      ['bad.pfx', 'rubbish'],
      ['lone.key', lone.keyPem],
      ['README.txt', 'see the page'],
    ]);
    const seen = (of: inventoryV1.Import | undefined) =>
      of!.items.map(({ file, result, hasPrivateKey, reason }) => [file, result, hasPrivateKey, reason]);
    const expected = (result: inventoryV1.ImportResult) => [
      ['www/cert.crt', result, true, ''],
      ['ca/issuer.der', result, false, ''],
      ['bad.pfx', FAILED, false, 'UNKNOWN_FORMAT'],
      ['lone.key', FAILED, false, 'NO_CERTIFICATE_FOR_KEY'],
    ];
    const dry = (await imports().importCertificates({ content, dryRun: true })).import;
    expect(seen(dry)).toEqual(expected(CREATED));
    const done = (await imports().importCertificates({ content })).import!;
    expect(seen(done)).toEqual(expected(CREATED));
    expect(done).toMatchObject({
      format: 'zip',
      notices: ['README.txt was passed over: it is neither a certificate nor a private key.'],
      chains: [{ indexes: [0, 2] }],
    });
    expect(seen((await imports().getImport({ id: done.id })).import)).toEqual(expected(CREATED));
    expect(seen((await imports().importCertificates({ content })).import)).toEqual(expected(UNCHANGED));
    await expect(imports().importCertificates({ content, formats: ['pem'] })).rejects.toMatchObject({
      reason: 'FORMAT_NOT_ACCEPTED',
    });
  });

  test('passwords are a list that is tried on each file', async () => {
    const folder = temporaryFolder('passwords');
    const pfx = async (name: string): Promise<[string, Buffer]> => {
      const { pem, keyPem } = await makeCertificate({ commonName: name });
      writeFileSync(join(folder, 'in.pem'), pem + keyPem);
      const args = ['-passout', `pass:of ${name}`, '-in', join(folder, 'in.pem'), '-out', join(folder, name)];
      execFileSync('openssl', ['pkcs12', '-export', ...args], { stdio: 'pipe' });
      return [`${name}.p12`, readFileSync(join(folder, name))];
    };
    const content = zip([await pfx('p1'), await pfx('p2'), await pfx('p3')]);
    const { items } = (await imports().importCertificates({ content, password: 'of p1', passwords: ['of p2'] }))
      .import!;
    expect(items.map(({ file, result, hasPrivateKey, reason }) => [file, result, hasPrivateKey, reason])).toEqual([
      ['p1.p12', CREATED, true, ''],
      ['p2.p12', CREATED, true, ''],
      ['p3.p12', FAILED, false, 'WRONG_PASSWORD'],
    ]);
  });
});
