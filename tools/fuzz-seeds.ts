import { createCipheriv, generateKeyPairSync, hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zip } from '@certferry/testing';
import { context, createKeystore, readPkcs12, writePem } from '@certferry/x509';
import { integer, octetString, oid, sequence, tlv } from '../libs/x509/src/der-writer.ts';

const FOLDERS = ['libs/x509/fixtures', '/usr/lib/python3/dist-packages/cryptography_vectors'];
const ENDINGS = /\.(pem|der|crt|crl|p12|p7b|key)$/;
export const MAX_BYTES = 16 * 1024;
export const PASSWORD = 'changeit';

/** A PKCS#12 file with the same bags and neither encryption nor MAC: what is changed in it is looked at. */
function inTheClear(file: Buffer): Buffer[] {
  try {
    const bags = readPkcs12(file, PASSWORD).contents.flatMap((contents) => contents.bags.map(({ raw }) => raw));
    const data = (content: Uint8Array) => sequence(oid('1.2.840.113549.1.7.1'), tlv(context(0), octetString(content)));
    return [sequence(integer(3), data(sequence(data(sequence(...bags)))))];
  } catch {
    return [];
  }
}

function filesSeeds(): Buffer[] {
  return FOLDERS.filter((folder) => existsSync(folder))
    .flatMap((folder) => (readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name)))
    .filter((path) => ENDINGS.test(path) && statSync(path).size <= MAX_BYTES)
    .flatMap((path) => {
      const content = readFileSync(path);
      return path.endsWith('.p12') ? [content, ...inTheClear(content)] : [content];
    });
}

const fixture = (name: string): Buffer => readFileSync(join('libs/x509/fixtures', name));
const base64 = (content: Uint8Array): string => Buffer.from(content).toString('base64');
const certificate = fixture('leaf.pem').toString();
const key = fixture('leaf.key').toString();
const toDer = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
const [certificateDer, keyDer] = [toDer(certificate), toDer(key)];

/** A tar of one block after another, as POSIX has it. */
function tarFile(name: string, content: string | Uint8Array, type = '0'): Buffer {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name);
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write(`${type}`, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

function tars(): Buffer[] {
  const pax = tarFile('x', '17 path=long.pem\n13 a=bcdefgh\n', 'x');
  const long = tarFile('././@LongLink', 'a/very/long/name.key\0', 'L');
  const folder = tarFile('d/', '', '5');
  const files = [folder, tarFile('d/a.pem', certificate), pax, tarFile('b', certificateDer), long, tarFile('c', key)];
  const tar = Buffer.concat([...files, Buffer.alloc(1_024)]);
  return [tar, Buffer.concat([tar, tar]), gzipSync(tar), gzipSync(certificate)];
}

const documents = (): Buffer[] => {
  const texts = { certificate, key, chain: [base64(certificateDer), base64(keyDer)], other: 'x'.repeat(80) };
  const data = `data:\n  tls.crt: ${base64(fixture('leaf.pem'))}\n  tls.key: ${base64(fixture('leaf.key'))}\n`;
  const manifest = `apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\n${data}`;
  const block = `stringData:\n  a.pem: |\n    ${certificate.trimEnd().replaceAll('\n', '\n    ')}\n`;
  const secret = {
    apiVersion: 'v1',
    kind: 'List',
    items: [{ kind: 'Secret', data: { a: base64(fixture('leaf.pem')) } }],
  };
  return [
    JSON.stringify(texts),
    JSON.stringify([{ SecretString: JSON.stringify(texts) }], null, 2),
    JSON.stringify(secret),
    manifest,
    `${manifest}---\napiVersion: v1\nkind: Secret\n${block}---\nkind: ConfigMap\na: {b: [&c d, *c, "\\x41"]}\n`,
  ].map((text) => Buffer.from(text));
};

const escapes = (): Buffer[] =>
  [
    JSON.stringify(certificate + key),
    JSON.stringify(JSON.stringify(certificate)),
    `ssl_client_cert=${encodeURIComponent(certificate)}`,
    encodeURIComponent(encodeURIComponent(key)),
    new URLSearchParams({ cert: certificate }).toString(),
    certificate.replaceAll('\n', '&#10;').replaceAll('+', '&plus;').replaceAll('-', '&#x2d;'),
    certificate.replaceAll('\n', '<br/>'),
    certificate
      .split('\n')
      .map((line) => `"${line}\\n" +\n`)
      .join('  '),
    `CERT="${certificate.replaceAll('\n', '\\\n')}"`,
    base64(Buffer.from(base64(fixture('leaf.pem')))),
  ].map((text) => Buffer.from(text));

const javaInt = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const javaText = (value: string): Buffer => Buffer.concat([Buffer.of(0, value.length), Buffer.from(value)]);
const javaBytes = (bytes: Uint8Array): Buffer => Buffer.concat([javaInt(bytes.length), bytes]);

/** Keystores of Java and of BouncyCastle; the latter's end is no right one, so they are read without a password. */
function keystores(): Buffer[] {
  const entry = (kind: number, alias: string) => Buffer.concat([Buffer.of(kind), javaText(alias), Buffer.alloc(8)]);
  const x509 = Buffer.concat([javaText('X.509'), javaBytes(certificateDer)]);
  const plainKey = Buffer.concat([Buffer.of(0), javaText('PKCS#8'), javaText('RSA'), javaBytes(keyDer)]);
  const sealed = javaBytes(Buffer.concat([javaBytes(Buffer.alloc(20)), javaInt(1_024), Buffer.alloc(64)]));
  const entries = [
    Buffer.concat([entry(1, 'ca'), javaInt(0), x509]),
    Buffer.concat([entry(2, 'web'), javaInt(1), x509, plainKey]),
    Buffer.concat([entry(4, 'shut'), javaInt(1), x509, sealed]),
    Buffer.concat([entry(3, 'secret'), javaInt(0), javaBytes(Buffer.alloc(9))]),
  ];
  const bks = (version: number) =>
    Buffer.concat([javaInt(version), javaBytes(Buffer.alloc(20)), javaInt(1_024), ...entries, Buffer.alloc(21)]);
  const description = [Buffer.of(0x72), javaText('A'), Buffer.alloc(8), Buffer.of(2, 0, 1), Buffer.from('I\0\u0001a')];
  const object = Buffer.concat([
    javaInt(0xaced0005 | 0),
    Buffer.of(0x73),
    ...description,
    Buffer.of(0x78, 0x70),
    javaInt(7),
  ]);
  const head = Buffer.concat([javaInt(0xcececece | 0), javaInt(2), javaInt(2)]);
  const secret = Buffer.concat([javaInt(3), javaText('s'), Buffer.alloc(8), object]);
  const trusted = Buffer.concat([javaInt(2), javaText('ca'), Buffer.alloc(8), x509]);
  const jks = createKeystore({
    type: 'jks',
    password: PASSWORD,
    entries: [{ alias: 'web', certificates: [certificateDer], privateKey: keyDer }],
  });
  return [bks(1), bks(2), Buffer.concat([head, secret, trusted, Buffer.alloc(20)]), Buffer.from(jks)];
}

/** As OpenSSL writes keys with -traditional. */
function traditionalKeys(): Buffer[] {
  const der = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'der', type: 'sec1' });
  const made = ['aes-256-cbc', 'aes-128-cbc', 'des-ede3-cbc', 'aes-128-ctr', 'aes-192-cfb'].map((name) => {
    const [keyLength, ivLength] = [Number(/\d{3}/.exec(name)?.[0] ?? 192) / 8, name.startsWith('des') ? 8 : 16];
    const iv = Buffer.alloc(ivLength, 7);
    let derived = Buffer.alloc(0);
    for (let last = Buffer.alloc(0); derived.length < keyLength; derived = Buffer.concat([derived, last]))
      last = hash('md5', Buffer.concat([last, Buffer.from(PASSWORD), iv.subarray(0, 8)]), 'buffer');
    const cipher = createCipheriv(name, derived.subarray(0, keyLength), iv);
    const pem = writePem('EC PRIVATE KEY', Buffer.concat([cipher.update(der), cipher.final()]));
    const headers = `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${name.toUpperCase()},${iv.toString('hex').toUpperCase()}\n\n`;
    return Buffer.from(pem.replace('-----\n', `-----\n${headers}`));
  });
  return [...made, fixture('leaf.legacy-encrypted.key')];
}

/** What is mutated, by the reader that it is for. */
export const TARGETS: Record<string, () => Buffer[]> = {
  files: filesSeeds,
  tar: tars,
  zip: () => [
    zip([
      ['d/a.pem', certificate],
      ['a.key', key],
      ['b.der', certificateDer],
    ]),
  ],
  document: documents,
  escape: escapes,
  keystore: keystores,
  traditional: traditionalKeys,
  values: () => [
    Buffer.concat([certificateDer, keyDer, certificateDer]),
    Buffer.concat([certificateDer, Buffer.from('\n'), Buffer.from(certificate + key)]),
  ],
};
