import { Buffer } from 'node:buffer';
import { createKeystore, encryptPrivateKey, writePem } from '@certferry/x509';
import { makeChain } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { openContainer } from '../open-container.ts';

const { root, intermediate, leaf } = await makeChain('doc.example.com');
const issuers = intermediate.pem + root.pem;
const base64 = (content: string | Uint8Array) => Buffer.from(content).toString('base64');
const p12 = createKeystore({
  type: 'pkcs12',
  password: 'changeit',
  entries: [{ alias: 'web', certificates: [leaf.der, intermediate.der], privateKey: leaf.keyDer }],
});

const open = (content: string, password?: string) => openContainer(Buffer.from(content), { password });
/** Names and whether they have their keys, sorted, and what was said. */
function summary(content: string, password?: string) {
  const { certificates, failures, notices } = open(content, password);
  const names = certificates.map(({ facts, key }) => facts.commonName + (key === undefined ? '' : ' with key'));
  return { names: names.toSorted(), failures, notices };
}
const CHAIN = ['Issuer of doc.example.com', 'Root of doc.example.com', 'doc.example.com with key'];

const acm = { Certificate: leaf.pem, CertificateChain: issuers, PrivateKey: leaf.keyPem };
const vault = {
  request_id: '5d0c8d2b-6d1f-4c1e-8d6e-000000000000',
  lease_duration: 0,
  data: {
    ca_chain: [intermediate.pem, root.pem],
    certificate: leaf.pem,
    issuing_ca: intermediate.pem,
    private_key: leaf.keyPem,
    private_key_type: 'ec',
    serial_number: '39:dd:2e',
  },
};
const secret = (data: object, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'web', namespace: 'prod' },
  type: 'kubernetes.io/tls',
  data,
  ...more,
});
const tls = {
  'tls.crt': base64(leaf.pem + intermediate.pem),
  'tls.key': base64(leaf.keyPem),
  'ca.crt': base64(root.pem),
};

describe('documents are read as they are, with a notice', () => {
  const fromSecret = 'Read from the Secret "web": tls.crt, tls.key, ca.crt.';
  test.each<[string, unknown, string]>([
    ['ACM', acm, 'Read from a JSON document: Certificate, CertificateChain, PrivateKey.'],
    [
      'Vault',
      vault,
      'Read from a JSON document: data.ca_chain.0, data.ca_chain.1, data.certificate, data.issuing_ca, data.private_key.',
    ],
    [
      'base64 of DER',
      { a: base64(leaf.der), b: [base64(leaf.keyDer)], c: issuers },
      'Read from a JSON document: a, b.0, c.',
    ],
    [
      'PEM that is escaped in its text',
      { x: JSON.stringify(leaf.keyPem + leaf.pem + issuers) },
      'Read from a JSON document: x.',
    ],
    ['a Secret', secret(tls), fromSecret],
    [
      'a Secret with stringData',
      secret({}, { stringData: { ...acm } }),
      'Read from the Secret "web": Certificate, CertificateChain, PrivateKey.',
    ],
    ['a List', { apiVersion: 'v1', kind: 'List', items: [secret(tls)] }, fromSecret],
    [
      'what was passed over of a Secret',
      secret({ ...tls, password: base64('hunter2') }),
      `${fromSecret} Passed over of the Secret "web": password.`,
    ],
    [
      'a Secret with the annotation of kubectl apply',
      secret(tls, {
        metadata: { name: 'web', annotations: { applied: JSON.stringify({ stringData: { a: root.pem } }) } },
      }),
      fromSecret,
    ],
  ])('%s', (_, value, notice) => {
    const json = JSON.stringify(value, undefined, 2);
    const texts = [json, JSON.stringify(value), `\uFEFF${json}`, base64(json)];
    if (notice.includes('Secret'))
      texts.push(stringify(value), `---\n${stringify(value)}---\n`, stringify(value).replaceAll('\n', '\r\n'));
    for (const text of texts) {
      const { names, failures, notices } = summary(text);
      expect([names, failures]).toEqual([CHAIN, []]);
      expect(notices[0]).toBe(notice);
      expect(notices.join()).not.toContain('hunter2');
    }
  });

  test('a keystore in a Secret: with its password, and without it beside PEM', () => {
    const text = stringify(secret({ 'keystore.p12': base64(p12), 'ca.crt': base64(root.pem) }));
    expect(summary(text, 'changeit')).toMatchObject({ names: CHAIN, failures: [] });
    const without = summary(text);
    expect(without.names).toEqual(['Root of doc.example.com']);
    expect(without.failures).toMatchObject([{ what: 'keystore.p12 of the Secret "web"', reason: 'PASSWORD_REQUIRED' }]);
    expect(() => open(stringify(secret({ 'keystore.p12': base64(p12) })))).toThrow(
      /keystore\.p12 of the Secret "web": .*password/,
    );
  });

  test('what ACM exports has its key under the passphrase: a wrong one fails that key by its name', () => {
    const PrivateKey = writePem('ENCRYPTED PRIVATE KEY', encryptPrivateKey(leaf.keyDer, 'changeit'));
    const text = JSON.stringify({ ...acm, PrivateKey });
    expect(summary(text, 'changeit')).toMatchObject({ names: CHAIN, failures: [] });
    for (const [password, reason] of [
      ['wrong', 'WRONG_PASSWORD'],
      [undefined, 'PASSWORD_REQUIRED'],
    ] as const)
      expect(summary(text, password).failures).toMatchObject([{ what: 'PrivateKey', reason }]);
  });

  test('what is there twice is read once, and each entry has an index of its own', () => {
    const { certificates, keys } = open(stringify(secret({ ...tls, 'keystore.p12': base64(p12) })), 'changeit');
    expect([certificates.length, keys.length]).toEqual([3, 1]);
    expect(new Set([...certificates, ...keys].map(({ index }) => index)).size).toBe(4);
  });

  test('several Secrets in one stream', () => {
    const two = [secret({ 'tls.crt': base64(root.pem) }), secret({ 'tls.crt': base64(leaf.pem) })].map((one) =>
      stringify(one),
    );
    expect(summary(two.join('---\n')).names.length).toBe(2);
  });
});

describe('documents that are refused', () => {
  test.each<[string, string, string, RegExp]>([
    ['nothing of ours', '{"name":"x"}', 'NOTHING_TO_IMPORT', /no certificate and no private key in this JSON/],
    [
      'a Secret of another kind',
      stringify(secret({ user: base64('me'), password: base64('hunter2') })),
      'NOTHING_TO_IMPORT',
      /Passed over of the Secret "web": user, password\.$/,
    ],
    [
      'a SealedSecret',
      stringify({ ...secret({}), kind: 'SealedSecret' }),
      'NOTHING_TO_IMPORT',
      /unseal it: send what `kubectl/,
    ],
    [
      'JSON that is cut',
      '{"data":{"password":"hunter2',
      'MALFORMED',
      /Malformed JSON document in line 1 column \d+\.$/,
    ],
    [
      'YAML that is wrong',
      'apiVersion: v1\nkind: Secret\ndata: {hunter2\n',
      'MALFORMED',
      /Malformed YAML document in line \d+/,
    ],
    [
      'an alias',
      'apiVersion: v1\nkind: Secret\na: &a hunter2\nb: *a\n',
      'MALFORMED',
      /in line 4 \(aliases are not read\)/,
    ],
    ['a key twice', 'apiVersion: v1\nkind: Secret\ndata:\n  a: x\n  a: y\n', 'MALFORMED', /\(a key is there twice\)/],
    ['deep JSON', `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 'LIMIT_EXCEEDED', /nested too deep/],
    [
      'deep YAML',
      `apiVersion: v1\nkind: X\na: ${'['.repeat(9_000)}${']'.repeat(9_000)}`,
      'LIMIT_EXCEEDED',
      /nested too deep/,
    ],
    [
      'YAML above the depth',
      `apiVersion: v1\nkind: X\na: ${'['.repeat(70)}${']'.repeat(70)}`,
      'LIMIT_EXCEEDED',
      /nested too deep/,
    ],
    [
      'much YAML',
      `apiVersion: v1\nkind: X\n${'a:\n'.repeat(20_001)}`,
      'LIMIT_EXCEEDED',
      /limit \(YAML lines\) is 20000/,
    ],
  ])('%s', (_, text, reason, message) => {
    const attempt = () => open(text);
    expect(attempt).toThrow(expect.objectContaining({ reason, message: expect.stringMatching(message) as string }));
    expect(attempt).not.toThrow(/hunter2/);
  });

  test('what begins like JSON and is none is read as the text that it is', () => {
    expect(summary(`{"note": here it is\n${leaf.keyPem}${leaf.pem}${issuers}`).names).toEqual(CHAIN);
    expect(summary(JSON.stringify(acm).replace('}', ',}')).names).toEqual(CHAIN);
  });

  test('whoever has what is malformed read as text is told so: what is base64 in it is not found', () => {
    const aliased = `apiVersion: v1\nkind: Secret\ndata:\n  a: &a ${base64(leaf.pem)}\n  b: *a\n`;
    const text = `${aliased}---\n${stringify({ apiVersion: 'v1', kind: 'ConfigMap', data: { 'ca.crt': root.pem } })}`;
    expect(summary(text).notices).toContain(
      'This was read as text, for PEM alone: it begins like YAML. Malformed YAML document in line 5 (aliases are not read).',
    );
  });

  test('JSON that is a text of JSON, as of AWS Secrets Manager, is read, in base64 too', () => {
    const inner = JSON.stringify({ ...acm, CertificateChain: base64(issuers) });
    for (const SecretString of [inner, base64(inner), JSON.stringify({ inner })])
      expect(summary(JSON.stringify({ ARN: 'arn:aws:secretsmanager:x', SecretString })).names).toEqual(CHAIN);
    const owned = summary(JSON.stringify(secret({ 'all.json': base64(inner) })));
    expect([owned.names, owned.notices[0]]).toEqual([CHAIN, expect.stringContaining('all.json.Certificate')]);
  });
});

test.each([
  ['tags', '!a '],
  ['texts', '"a"'],
  ['carriage returns', 'a: b\r'],
])('a megabyte of %s in one line of YAML is refused before it is parsed', (_, pattern) => {
  const head = 'apiVersion: v1\nkind: Secret\ndata:\n  a: ';
  const content = Buffer.concat([Buffer.from(head), Buffer.alloc(2 ** 20, pattern)]);
  expect(() => openContainer(content, {})).toThrow('the limit (YAML words) is 80000');
});
