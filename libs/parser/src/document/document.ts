import { Buffer } from 'node:buffer';
import { invalid, AppError } from '@certferry/core';
import { IterationBudget, overLimit, X509Error } from '@certferry/x509';
import type { Container } from '../container.ts';
import type { Format, Passwords } from '../formats/format.ts';
import { pem } from '../formats/pem.ts';
import { readWith } from '../read-with.ts';
import { unescapePem } from '../unescape.ts';
import { unwrap } from '../unwrap.ts';
import { documentKind } from './document-kind.ts';
import { LEAST_TEXT, TextFinder, type FoundText } from './find-texts.ts';
import { MergedContainer } from './merged-container.ts';
import { parseDocument } from './parse-document.ts';

/** Of DER, Java's keystores and BouncyCastle's; all else is PEM. */
const FIRST_BYTES = new Set<number | undefined>([0x30, 0xfe, 0xce, 0x00]);
/** Texts that may be one of these. */
const MAX_LOOKED = 5_000;
/** Documents that are texts of documents: AWS Secrets Manager, Vault and Terraform have JSON in JSON. */
const MOST_NESTED = 3;

/**
 * A JSON document (an answer of AWS ACM, of Vault, or of anything else that has PEM or base64 in its texts), or Kubernetes
 * manifests as JSON or YAML. `formats` are the ones that its texts may have.
 */
export function documentOf(formats: readonly Format[]): Format {
  return {
    detect: (content) => documentKind(content) !== undefined,
    needsSandbox: () => true,
    holdsContainers: true,
    read: (content, passwords) => new DocumentReader(formats, passwords).read(content),
  };
}

class DocumentReader {
  readonly #formats: readonly Format[];
  readonly #passwords: Passwords;
  readonly #merged = new MergedContainer();
  #looked = 0;
  readonly #owners = new Map<string, { read: string[]; passedOver: string[] }>();

  constructor(formats: readonly Format[], passwords: Passwords) {
    this.#formats = formats;
    this.#passwords = passwords;
  }

  read(content: Uint8Array): Container {
    const kind = documentKind(content)!;
    const finder = new TextFinder(kind);
    try {
      for (const value of parseDocument(content, kind)) finder.collect(value);
    } catch (error) {
      const asText = error instanceof X509Error && error.reason === 'MALFORMED' && this.#readAsText(content);
      if (!asText) throw error;
      asText.notices.unshift(`This was read as text, for PEM alone: it begins like ${kind}. ${error.message}`);
      return asText;
    }
    IterationBudget.together(() => {
      for (const text of finder.texts) this.#readText(text);
    });
    const notices = [...finder.notices, ...this.#ownerNotices(kind)];
    if (this.#merged.isEmpty)
      throw invalid(
        'NOTHING_TO_IMPORT',
        [`There is no certificate and no private key in this ${kind}.`, ...notices].join(' '),
      );
    this.#merged.container.notices.unshift(...notices);
    return this.#merged.container;
  }

  /** What begins like a document and is none may still have PEM in it, escaped or not. */
  #readAsText(content: Uint8Array): Container | undefined {
    const { content: text, notices } = unescapePem(Buffer.from(content));
    const format = this.#formats.find((one) => one.detect(text));
    const container = format && readWith(format, text, this.#passwords);
    container?.notices.unshift(...notices);
    return container;
  }

  #readText({ owner, name, text }: FoundText, nested = 0): void {
    const { content, notices } =
      text.length < LEAST_TEXT ? { content: Buffer.alloc(0), notices: [] } : unwrap(Buffer.from(text));
    const inner = nested < MOST_NESTED ? textsInside(content) : undefined;
    if (inner) {
      for (const one of inner)
        this.#readText({ ...one, owner: one.owner || owner, name: `${name}.${one.name}` }, nested + 1);
      return;
    }
    const format = this.#formatOf(content);
    const { read, passedOver } = this.#namesOf(owner);
    if (!format) {
      // A plain document has many texts that nobody takes for a certificate.
      if (owner) passedOver.push(name);
      return;
    }
    read.push(name);
    const where = owner ? `${name} of ${owner}` : name;
    try {
      this.#merged.add(readWith(format, content, this.#passwords), where);
      this.#merged.container.notices.push(...notices.map((notice) => `${where}: ${notice}`));
    } catch (error) {
      if (!(error instanceof AppError) || error.reason === 'LIMIT_EXCEEDED') throw error;
      this.#merged.fail({ what: where, reason: error.reason, message: `${where}: ${error.message}` });
    }
  }

  /** To tell what a text is takes a twentieth of a millisecond; a document may have a million. */
  #formatOf(content: Buffer | Uint8Array): Format | undefined {
    if (!FIRST_BYTES.has(content[0]) && !pem.detect(content)) return undefined;
    if (++this.#looked > MAX_LOOKED)
      throw overLimit('texts of a document', MAX_LOOKED, 'Too many texts look like a container');
    return this.#formats.find((one) => one.detect(content));
  }

  #namesOf(owner: string): { read: string[]; passedOver: string[] } {
    const names = this.#owners.get(owner) ?? { read: [], passedOver: [] };
    this.#owners.set(owner, names);
    return names;
  }

  #ownerNotices(kind: string): string[] {
    const said: string[] = [];
    for (const [owner, { read, passedOver }] of this.#owners) {
      const parts = [];
      if (read.length > 0) parts.push(`Read from ${owner || `a ${kind} document`}: ${listed(read)}.`);
      if (passedOver.length > 0) parts.push(`Passed over of ${owner}: ${listed(passedOver)}.`);
      if (parts.length > 0) said.push(parts.join(' '));
    }
    return said.length > MAX_OWNERS
      ? [...said.slice(0, MAX_OWNERS), `There are ${said.length - MAX_OWNERS} more like these.`]
      : said;
  }
}

const MAX_OWNERS = 100;
const MAX_NAMES = 10;
const listed = (names: string[]): string =>
  names.length > MAX_NAMES
    ? `${names.slice(0, MAX_NAMES).join(', ')} and ${names.length - MAX_NAMES} more`
    : names.join(', ');

/** The texts of JSON that is a text itself; undefined for what is none, also when it only begins like it. */
function textsInside(content: Uint8Array): FoundText[] | undefined {
  if (documentKind(content) !== 'JSON') return undefined;
  const finder = new TextFinder('JSON');
  try {
    for (const value of parseDocument(content, 'JSON')) finder.collect(value);
  } catch (error) {
    if (error instanceof X509Error) return undefined;
    throw error;
  }
  return finder.texts;
}
