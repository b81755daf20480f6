import { execFileSync } from 'node:child_process';
import { connectDirectly } from '@certferry/outbound';
import { hasProgram, makeCertificate, makeChain } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { StoreRoots } from '../files/store-roots.ts';
import { LocalStoreAccess } from '../local-store-access.ts';
import type { OpenStore, StoreChange } from '../store-driver.ts';
import { describeStore } from '../store-driver.conformance.ts';
import { useParser } from '../toy/start-parser.ts';
import { awsAcm } from './aws-acm-driver.ts';
import { MotoServer } from './moto-server.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe.skipIf(!hasProgram('moto_server'))('on moto, which stands in for AWS', { timeout: 60_000 }, () => {
  const parser = useParser();
  let moto: MotoServer;
  beforeAll(async () => void (moto = await MotoServer.start()), 60_000);
  beforeEach(() => moto.reset());
  afterAll(() => moto.stop());

  const config = () => ({
    region: 'eu-central-1',
    accessKeyId: 'AKIAEXAMPLE',
    secretAccessKey: 'canary-secret',
    endpoint: moto.endpoint,
  });
  const host = () => ({ roots: new StoreRoots([]), parser: parser(), connect: connectDirectly });

  const importByHand = async (commonName: string, more: object = {}): Promise<string> => {
    const { pem, keyPem } = await makeCertificate({ commonName });
    const asked = { Certificate: base64(pem), PrivateKey: base64(keyPem), ...more };
    return (await moto.call('ImportCertificate', asked))['CertificateArn'] as string;
  };

  describeStore(awsAcm, {
    setUp: () =>
      Promise.resolve({
        config: config(),
        host: host(),
        foreignWrite: async () => void (await importByHand('foreign.example.com')),
        spoil: async () => await Promise.resolve(moto.spoil()),
        stall: async () => {
          const proceed = moto.stall();
          return await Promise.resolve(async () => await Promise.resolve(proceed()));
        },
        tearDown: () => Promise.resolve(),
      }),
  });

  async function withStore<T>(use: (store: OpenStore) => Promise<T>): Promise<T> {
    const limits = { signal: new AbortController().signal, deadline: new Date(Date.now() + 60_000) };
    const store = await new LocalStoreAccess(host()).open({ id: 's1', kind: 'aws-acm', config: config() }, limits);
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  }
  const put = (store: OpenStore, { leaf, intermediate }: Awaited<ReturnType<typeof makeChain>>, change = {}) =>
    store.prepare({
      action: 'add',
      alias: 'shop',
      overwrite: false,
      fingerprintSha256: readCertificate(leaf.der).fingerprintSha256,
      certificate: leaf.der,
      chain: [intermediate.der],
      privateKey: leaf.keyDer,
      ...change,
    } satisfies StoreChange);
  const arns = async () =>
    ((await moto.call('ListCertificates', {}))['CertificateSummaryList'] as { CertificateArn: string }[]).map(
      ({ CertificateArn }) => CertificateArn,
    );

  test('a renewal keeps the ARN, and its plan names it', async () => {
    const [one, two] = await Promise.all([makeChain('shop.example.com'), makeChain('shop.example.com')]);
    await withStore(async (store) => {
      await (await put(store, one)).write();
      const [arn] = await arns();
      const prepared = await put(store, two, { overwrite: true });
      expect(prepared.changes).toMatchObject([{ operation: 'replace', what: `"shop" (${arn})` }]);
      await prepared.write();
      expect(await arns()).toEqual([arn]);
      const { Certificate } = await moto.call('GetCertificate', { CertificateArn: arn });
      expect(String(Certificate).trim()).toBe(two.leaf.pem.trim());
    });
  });

  test('what was imported without a name, or with one that is taken, has its ARN as alias', async () => {
    const unnamed = await importByHand('unnamed.example.com');
    const Tags = [{ Key: 'Name', Value: 'Shop' }];
    const named = [await importByHand('a.example.com', { Tags }), await importByHand('b.example.com', { Tags })].sort();
    await withStore(async (store) => {
      const aliases = (await store.entries()).map(({ alias }) => alias);
      expect(aliases.sort()).toEqual([named[1]!, unnamed, 'Shop'].sort());
      const one = await makeChain('unnamed.example.com');
      await (await put(store, one, { alias: unnamed, overwrite: true })).write();
      expect(await arns()).toHaveLength(3);
    });
  });

  test.skipIf(!hasProgram('openssl'))('keys of every kind are listed', async () => {
    const kinds = [
      'rsa:4096',
      'rsa:3072',
      'ec -pkeyopt ec_paramgen_curve:P-384',
      'ec -pkeyopt ec_paramgen_curve:P-521',
    ];
    for (const kind of kinds) {
      const args = [
        'req',
        '-x509',
        '-newkey',
        ...kind.split(' '),
        '-nodes',
        '-days',
        '9',
        '-subj',
        '/CN=x',
        '-keyout',
        '-',
      ];
      const made = execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString('utf8');
      const at = made.indexOf('-----BEGIN CERTIFICATE');
      await moto.call('ImportCertificate', {
        Certificate: base64(made.slice(at)),
        PrivateKey: base64(made.slice(0, at)),
      });
    }
    expect(await withStore((store) => store.entries())).toHaveLength(kinds.length);
  });

  test('a certificate without its key, and what AWS does not take, are refused with the reason', async () => {
    const { leaf, ...rest } = await makeChain('shop.example.com');
    const other = await makeCertificate({ commonName: 'other' });
    await withStore(async (store) => {
      const keyless = put(store, { leaf, ...rest }, { privateKey: undefined });
      await expect(keyless).rejects.toMatchObject({ reason: 'NO_PRIVATE_KEY' });
      const wrong = await put(store, { leaf, ...rest }, { privateKey: other.keyDer.subarray(0, 20) });
      await expect(wrong.write()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'TARGET_REFUSES' });
      expect(await store.entries()).toEqual([]);
    });
  });
});
