import { AppError, invalid } from '@certferry/core';
import { parserV1 } from '@certferry/contracts';
import {
  createKeystore,
  encryptPrivateKey,
  orderChains,
  publicKeyBitsOf,
  readCertificate,
  readPem,
  readPrivateKey,
  writePem,
} from '@certferry/x509';

/** A file of an archive, and the elements beside it as an XML file would have them. */
export type ArchiveFile = [name: string, content: string, fields?: Record<string, string>];

/** An archive as the parser of the tests reads it. */
export const archiveOf = (files: ArchiveFile[]): Buffer => Buffer.from(JSON.stringify(files));

/** How many files the parser of the tests answers at a time. */
export const ARCHIVE_BATCH = 3;

/** The parser service for PEM and `archiveOf`, over the same lib as the real one, which another scope must not import. */
export function createPemParser(): parserV1.ParserServiceImplementation {
  return {
    inspect: ({ content }) => Promise.resolve(openPem(content).inspection),
    open: ({ content, password }) =>
      password === 'wrong'
        ? Promise.reject(invalid('WRONG_PASSWORD', 'The password does not open the container.'))
        : Promise.resolve(openPem(content)),
    listKeystore: () => Promise.reject(unused()),
    editKeystore: () => Promise.reject(unused()),
    createKeystore: ({ type, password, entries }) => {
      const name = type === parserV1.KeystoreType.JKS ? 'jks' : 'pkcs12';
      return Promise.resolve({ content: createKeystore({ type: name, password, entries }) });
    },
    encryptPrivateKey: ({ privateKey, password }) =>
      Promise.resolve({ pem: writePem('ENCRYPTED PRIVATE KEY', encryptPrivateKey(privateKey, password)) }),
    parseArchive,
  };
}

const unused = () =>
  new AppError({ code: 'UNIMPLEMENTED', reason: 'UNUSED', message: 'The inventory does not call this.' });

function openPem(content: Uint8Array): parserV1.OpenResponse & { inspection: parserV1.InspectResponse } {
  const certificates: parserV1.CertificateEntry[] = [];
  const keys: (parserV1.KeyEntry & { pkcs8: Buffer })[] = [];
  const failures: parserV1.Failure[] = [];
  const blocks = readPem(content);
  if (blocks.length === 0) throw invalid('UNKNOWN_FORMAT', 'This is not PEM.');
  for (const [index, { label, bytes = Buffer.alloc(0) }] of blocks.entries()) {
    try {
      if (label === 'CERTIFICATE') {
        certificates.push({
          index,
          der: bytes,
          facts: readCertificate(bytes),
          alias: '',
          key: undefined,
          trusted: false,
        });
      } else {
        const { publicKeySha256, publicKeyBitsSha256, algorithm, size, pkcs8 } = readPrivateKey(bytes, 'pkcs8');
        keys.push({ index, algorithm, size, publicKeySha256, publicKeyBitsSha256, encrypted: false, alias: '', pkcs8 });
      }
    } catch {
      failures.push({ index, what: label, reason: 'MALFORMED', message: `The ${label} cannot be read.` });
    }
  }
  for (const one of certificates) {
    const bits = publicKeyBitsOf(one.der);
    const key = keys.findIndex(({ publicKeyBitsSha256 }) => publicKeyBitsSha256 === bits);
    if (key >= 0) one.key = key;
  }
  const ordered = certificates.map(({ der, key }) => ({ der, facts: readCertificate(der), hasKey: key !== undefined }));
  const { chains, ambiguities } = orderChains(ordered);
  const inspection = {
    format: parserV1.ContainerFormat.PEM,
    certificates,
    keys: keys.map(({ pkcs8: _, ...entry }) => entry),
    failures,
    notices: ambiguities,
    chains,
  };
  return { inspection, privateKeys: keys.map(({ pkcs8 }) => pkcs8) };
}

async function* parseArchive(
  requests: AsyncIterable<parserV1.ParseArchiveRequest>,
): AsyncGenerator<parserV1.ParseArchiveResponse> {
  let options: parserV1.ArchiveOptions | undefined;
  const chunks: Uint8Array[] = [];
  for await (const { part } of requests) {
    if (part?.$case === 'options') options = part.value;
    if (part?.$case === 'chunk') chunks.push(part.value);
  }
  const files = readArchive(Buffer.concat(chunks));
  const extensions: Record<string, number> = {};
  for (const [name] of files) {
    const extension = name.slice(name.lastIndexOf('.'));
    extensions[extension] = (extensions[extension] ?? 0) + 1;
  }
  yield { part: { $case: 'summary', value: { items: files.length, extensions } } };
  if (options?.summaryOnly) return;
  for (let at = options?.skipItems ?? 0; at < files.length; at += ARCHIVE_BATCH) {
    const items = files.slice(at, at + ARCHIVE_BATCH).map((file, position) => toItem(file, at + position));
    yield { part: { $case: 'batch', value: { items } } };
  }
}

function readArchive(content: Buffer): ArchiveFile[] {
  try {
    return JSON.parse(content.toString()) as ArchiveFile[];
  } catch {
    throw invalid('MALFORMED', 'This is not an archive.');
  }
}

function toItem([name, content, fields = {}]: ArchiveFile, index: number): parserV1.ArchiveItem {
  const item = { index, name, fields, inspection: undefined, privateKeys: [], failure: undefined };
  try {
    return { ...item, ...openPem(Buffer.from(content)) };
  } catch (error) {
    const { reason, message } = error as AppError;
    if (name.endsWith('.txt')) return { ...item, passedOver: message };
    return { ...item, failure: { index, what: 'FILE', reason, message } };
  }
}
