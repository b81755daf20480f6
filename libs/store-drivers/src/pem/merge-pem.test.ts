import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { makeChain } from '@certferry/testing';
import { writePem, writeTraditionalKey } from '@certferry/x509';
import { beforeAll, describe, expect, test } from 'vitest';
import { mergePem } from './merge-pem.ts';

const DH = '-----BEGIN DH PARAMETERS-----\nMEYCQQDJ\n-----END DH PARAMETERS-----\n';
const cert = (der: Buffer) => writePem('CERTIFICATE', der);
const text = (content: Buffer) => content.toString('latin1');

let one: Awaited<ReturnType<typeof makeChain>>;
let two: typeof one;
let rsa: Buffer;

beforeAll(async () => {
  [one, two] = await Promise.all([makeChain('one.example.com'), makeChain('two.example.com')]);
  rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'der', type: 'pkcs8' });
});

const keyOf = ({ leaf }: typeof one) => Buffer.from(leaf.keyDer);
const chainOf = ({ leaf, intermediate }: typeof one) => [leaf.der, intermediate.der];
const combined = (of: typeof one) => ({ certificates: chainOf(of), key: keyOf(of) });

describe('a PEM file', () => {
  test('keeps DH parameters and comments where they stand', () => {
    const old = `# ours, do not touch\n${text(mergePem(undefined, combined(one)))}# strong\n${DH}# the end\n`;
    const merged = text(mergePem(Buffer.from(old), combined(two)));
    expect(merged).toBe(`# ours, do not touch\n${text(mergePem(undefined, combined(two)))}# strong\n${DH}# the end\n`);
  });

  test('that holds what is wanted stays byte for byte, however it is written', () => {
    const wild = [cert(one.leaf.der), cert(one.intermediate.der)].join('\n').replaceAll('\n', '\r\n');
    const old = Buffer.from(`subject=CN=one\r\n${wild}\r\n${writeTraditionalKey(keyOf(one))}`);
    expect(mergePem(old, combined(one))).toBe(old);
  });

  test('loses what OpenSSL said of the certificate that goes, not what a person said', () => {
    const old = `subject=CN = one\nissuer=CN = x\n${cert(one.leaf.der)}# by hand\nBag Attributes\n    friendlyName: one\n${cert(one.intermediate.der)}`;
    const merged = text(mergePem(Buffer.from(old), { certificates: chainOf(two) }));
    expect(merged).not.toMatch(/subject|friendlyName/);
    expect(merged).toContain('# by hand\n');
    expect(merged.match(/BEGIN CERTIFICATE/g)?.length).toBe(2);
  });

  test('keeps its order of blocks, unless another is asked for', () => {
    const keyFirst = mergePem(undefined, { ...combined(one), keyFirst: true });
    const order = (content: Buffer) =>
      text(content)
        .match(/BEGIN (CERTIFICATE|.*PRIVATE KEY)/g)!
        .map((mark) => mark.includes('KEY'));
    expect(order(keyFirst)).toEqual([true, false, false]);
    expect(order(mergePem(keyFirst, combined(two)))).toEqual([true, false, false]);
    expect(order(mergePem(mergePem(undefined, combined(one)), combined(two)))).toEqual([false, false, true]);
    const turned = mergePem(mergePem(undefined, combined(one)), { ...combined(one), keyFirst: true });
    expect(order(turned)).toEqual([true, false, false]);
  });

  test('keeps the form of its key: SEC 1 stays SEC 1, PKCS#8 stays PKCS#8', () => {
    const label = (content: Buffer) => /BEGIN (.*PRIVATE KEY)/.exec(text(content))![1];
    const traditional = Buffer.from(writeTraditionalKey(keyOf(one)));
    expect(label(traditional)).toBe('EC PRIVATE KEY');
    expect(label(mergePem(traditional, { key: keyOf(two) }))).toBe('EC PRIVATE KEY');
    expect(label(mergePem(traditional, { key: rsa }))).toBe('RSA PRIVATE KEY');
    expect(label(mergePem(Buffer.from(writeTraditionalKey(rsa)), { key: keyOf(two) }))).toBe('EC PRIVATE KEY');
    expect(label(mergePem(undefined, { key: rsa }))).toBe('PRIVATE KEY');
    expect(label(mergePem(traditional, { key: keyOf(one), keyForm: 'pkcs8' }))).toBe('PRIVATE KEY');
    expect(label(mergePem(undefined, { key: rsa, keyForm: 'traditional' }))).toBe('RSA PRIVATE KEY');
    const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
    expect(label(mergePem(traditional, { key: ed25519 }))).toBe('PRIVATE KEY');
  });

  test('goes over the parameters of its old key with it', () => {
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    const old = Buffer.from(parameters + writeTraditionalKey(keyOf(one)));
    expect(mergePem(old, { key: keyOf(one) })).toBe(old);
    const merged = text(mergePem(old, { key: keyOf(two) }));
    expect(merged).not.toContain('PARAMETERS');
    expect(() => createPrivateKey(merged)).not.toThrow();
  });

  test('has no key any more where none is wanted beside certificates', () => {
    const merged = text(mergePem(mergePem(undefined, combined(one)), { certificates: chainOf(two) }));
    expect(merged).not.toContain('PRIVATE KEY');
  });

  test('is made anew where there is something else instead', () => {
    expect(mergePem(Buffer.from([0x30, 0x82, 1, 2]), combined(one))).toEqual(mergePem(undefined, combined(one)));
  });
});
