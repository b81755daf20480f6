import { createPrivateKey, X509Certificate } from 'node:crypto';
import { inventoryV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate, makeChain, type TestCertificate } from '@certferry/testing';
import {
  IterationBudget,
  listKeystoreEntries,
  readJavaKeystore,
  readPem,
  readPkcs12,
  readPkcs7,
} from '@certferry/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

const { ExportFormat, PrivateKeyFormat } = inventoryV1;

describe.each(WAYS)('exports %s', (way) => {
  let inventory: TestInventory;
  let chain: Record<'root' | 'intermediate' | 'leaf', TestCertificate>;
  /** Of the leaf, and of the root, whose key the inventory does not have. */
  let id: string;
  let keyless: string;
  beforeAll(async () => {
    inventory = await startInventory(way);
    chain = await makeChain('*.shop.example.com');
    const items = await inventory.take(chain.root.pem, chain.intermediate.pem, chain.leaf.pem, chain.leaf.keyPem);
    [keyless, id] = [items[0]!.certificateId, items[2]!.certificateId];
  });
  afterAll(() => inventory.stop());

  const exporting = () => inventory.client(inventoryV1.ExportServiceDefinition);
  const certificate = async (format: inventoryV1.ExportFormat) => exporting().exportCertificate({ id, format });
  const key = (options: Omit<Parameters<ReturnType<typeof exporting>['exportPrivateKey']>[0], 'id'>) =>
    exporting().exportPrivateKey({ id, ...options });
  const pemOf = (content: Uint8Array) =>
    readPem(content).map(({ label, bytes }) => (label === 'CERTIFICATE' ? Buffer.from(bytes!) : label));

  test('a certificate alone, as PEM and as DER', async () => {
    const pem = await certificate(ExportFormat.PEM);
    expect([pem.fileName, pem.mediaType]).toEqual(['wildcard.shop.example.com.pem', 'application/x-pem-file']);
    expect(new X509Certificate(pem.content).raw).toEqual(chain.leaf.der);
    const der = await certificate(ExportFormat.DER);
    expect([der.fileName, der.mediaType]).toEqual(['wildcard.shop.example.com.cer', 'application/pkix-cert']);
    expect(Buffer.from(der.content)).toEqual(chain.leaf.der);
  });

  test('with its issuers, nearest first, or these alone', async () => {
    const { leaf, intermediate, root } = chain;
    const full = await certificate(ExportFormat.CHAIN);
    expect(full.fileName).toBe('wildcard.shop.example.com.chain.pem');
    expect(pemOf(full.content)).toEqual([leaf.der, intermediate.der, root.der]);
    const issuers = await certificate(ExportFormat.ISSUERS);
    expect(issuers.fileName).toBe('wildcard.shop.example.com.issuers.pem');
    expect(pemOf(issuers.content)).toEqual([intermediate.der, root.der]);
    const p7b = await certificate(ExportFormat.P7B);
    expect([p7b.fileName, p7b.mediaType]).toEqual([
      'wildcard.shop.example.com.p7b',
      'application/x-pkcs7-certificates',
    ]);
    expect(readPkcs7(p7b.content).map((der) => Buffer.from(der))).toEqual([leaf.der, intermediate.der, root.der]);
  });

  test('the key encrypted, alone or with certificate and issuers', async () => {
    const alone = await key({ format: PrivateKeyFormat.KEY, password: 'secret' });
    expect(alone.fileName).toBe('wildcard.shop.example.com.key');
    expect(pemOf(alone.content)).toEqual(['ENCRYPTED PRIVATE KEY']);
    const opened = createPrivateKey({ key: Buffer.from(alone.content), passphrase: 'secret' });
    expect(opened.export({ format: 'der', type: 'pkcs8' })).toEqual(chain.leaf.keyDer);
    const { leaf, intermediate, root } = chain;
    const all = await key({ format: PrivateKeyFormat.PEM, password: 'secret' });
    expect(pemOf(all.content)).toEqual(['ENCRYPTED PRIVATE KEY', leaf.der, intermediate.der, root.der]);
  });

  test('the key in the clear, when that is asked for in so many words', async () => {
    const { content } = await key({ format: PrivateKeyFormat.KEY, unencrypted: true });
    expect(Buffer.from(content).toString()).toBe(chain.leaf.keyPem);
    const traditional = await key({ format: PrivateKeyFormat.TRADITIONAL, unencrypted: true });
    expect(pemOf(traditional.content)).toEqual(['EC PRIVATE KEY']);
  });

  test.each([
    [PrivateKeyFormat.P12, 'p12'],
    [PrivateKeyFormat.P12_LEGACY, 'p12'],
    [PrivateKeyFormat.JKS, 'jks'],
  ])('a keystore: %s', async (format, extension) => {
    const made = await key({ format, password: 'secret' });
    expect(made.fileName).toBe(`wildcard.shop.example.com.${extension}`);
    const { leaf, intermediate, root } = chain;
    const bytes =
      extension === 'jks'
        ? readJavaKeystore(made.content, { password: 'secret' }, new IterationBudget()).entries.map(
            (entry) => entry.certificates,
          )
        : listKeystoreEntries(readPkcs12(made.content, 'secret')).map((entry) => entry.certificates);
    expect(bytes.map((one) => one.map((der) => Buffer.from(der)))).toEqual([[leaf.der, intermediate.der, root.der]]);
  });

  test.each([
    [{ format: PrivateKeyFormat.KEY }, 'password'],
    [{ format: PrivateKeyFormat.P12, password: 'abc' }, 'password'],
    [{ format: PrivateKeyFormat.JKS, password: 'abcde' }, 'password'],
    [{ format: PrivateKeyFormat.P12, unencrypted: true }, 'unencrypted'],
    [{ format: PrivateKeyFormat.TRADITIONAL, password: 'secret' }, 'unencrypted'],
    [{ format: PrivateKeyFormat.PEM, password: 'secret', unencrypted: true }, 'password'],
    [{ format: PrivateKeyFormat.UNSPECIFIED, password: 'secret' }, 'format'],
  ])('%o is refused for its %s', async (options, field) => {
    await expect(key(options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      details: { field },
    });
  });

  test('what is not there', async () => {
    const options = { format: PrivateKeyFormat.KEY, password: 'secret' };
    await expect(exporting().exportPrivateKey({ ...options, id: keyless })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'NO_PRIVATE_KEY',
    });
    await expect(exporting().exportPrivateKey({ ...options, id: 'nobody' })).rejects.toMatchObject({
      reason: 'CERTIFICATE_NOT_FOUND',
    });
    await expect(exporting().exportCertificate({ id: 'nobody', format: ExportFormat.PEM })).rejects.toMatchObject({
      reason: 'CERTIFICATE_NOT_FOUND',
    });
    await expect(certificate(ExportFormat.UNSPECIFIED)).rejects.toMatchObject({ details: { field: 'format' } });
  });

  test('a file’s name is made of what a file system takes', async () => {
    const [item] = await inventory.take((await makeCertificate({ commonName: '../a b/ü' })).pem);
    const answer = await exporting().exportCertificate({ id: item!.certificateId, format: ExportFormat.PEM });
    expect(answer.fileName).toMatch(/^[A-Za-z0-9-][A-Za-z0-9._-]*\.pem$/);
  });
});
