import { Buffer } from 'node:buffer';
import { StringDecoder } from 'node:string_decoder';
import { type AppError, invalid, limitExceeded } from '@certferry/core';
import { MAX_CERTIFICATE_BYTES } from '@certferry/x509';
import { SaxesParser } from 'saxes';

export const MAX_XML_DEPTH = 64;
export const MAX_XML_ELEMENTS = 1_000_000;
const MAX_TEXT_CHARACTERS = Math.ceil((MAX_CERTIFICATE_BYTES * 4) / 3) + 1_024;

/** One `certificate` element: the text of its `pem` (base64 of DER), and of the elements beside it. */
export interface XmlCertificate {
  pem: string;
  fields: Record<string, string>;
}

/** The bytes of a `pem` element; undefined when it is not base64. */
export function decodePem(text: string): Buffer | undefined {
  const base64 = text.replace(/-----[^-]+-----/g, '').replace(/\s+/g, '');
  return base64 !== '' && /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
}

/**
 * `certificates` > `certificate` > `pem`, streamed. INVALID_ARGUMENT DOCTYPE_NOT_ALLOWED or MALFORMED,
 * RESOURCE_EXHAUSTED above depth 64 or 1,000,000 elements.
 */
export async function* readXmlCertificates(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<XmlCertificate> {
  const reader = new CertificateReader();
  const decoder = new StringDecoder('utf8');
  for await (const chunk of chunks) yield* reader.write(decoder.write(Buffer.from(chunk)));
  yield* reader.end(decoder.end());
}

class CertificateReader {
  readonly #parser = new SaxesParser();
  readonly #path: string[] = [];
  #found: XmlCertificate[] = [];
  #current: XmlCertificate | undefined;
  #text = '';
  #elements = 0;
  #problem: AppError | undefined;

  constructor() {
    const parser = this.#parser;
    parser.on('doctype', () =>
      this.#refuse(invalid('DOCTYPE_NOT_ALLOWED', 'The XML has a DOCTYPE, which is not read.')),
    );
    parser.on('error', (error) =>
      this.#refuse(invalid('MALFORMED', `The XML cannot be read: ${error.message.slice(0, 200)}.`)),
    );
    parser.on('opentag', ({ name }) => this.#open(name));
    parser.on('text', (text) => this.#addText(text));
    parser.on('cdata', (text) => this.#addText(text));
    parser.on('closetag', () => this.#close());
  }

  write(text: string): XmlCertificate[] {
    this.#parser.write(text);
    return this.#take();
  }

  end(rest: string): XmlCertificate[] {
    this.#parser.write(rest);
    this.#parser.close();
    return this.#take();
  }

  #take(): XmlCertificate[] {
    if (this.#problem) throw this.#problem;
    return this.#found.splice(0);
  }

  /** The first problem counts; what follows from it does not. */
  #refuse(problem: AppError): void {
    this.#problem ??= problem;
  }

  #open(name: string): void {
    if (++this.#elements > MAX_XML_ELEMENTS)
      this.#refuse(
        limitExceeded('XML elements', MAX_XML_ELEMENTS, `The XML has more than ${MAX_XML_ELEMENTS} elements.`),
      );
    if (this.#path.push(name) > MAX_XML_DEPTH)
      this.#refuse(limitExceeded('XML depth', MAX_XML_DEPTH, `The XML is nested deeper than ${MAX_XML_DEPTH}.`));
    if (this.#path.length === 1 && name !== 'certificates')
      this.#refuse(invalid('MALFORMED', 'The root element of the XML must be "certificates".'));
    if (this.#path.length === 2 && name === 'certificate') this.#current = { pem: '', fields: {} };
    this.#text = '';
  }

  #addText(text: string): void {
    if (!this.#current || this.#path.length !== 3) return;
    this.#text += text;
    if (this.#text.length > MAX_TEXT_CHARACTERS)
      this.#refuse(
        limitExceeded(
          'XML text',
          MAX_TEXT_CHARACTERS,
          `An element of the XML has more than ${MAX_TEXT_CHARACTERS} characters.`,
        ),
      );
  }

  #close(): void {
    const name = this.#path.pop();
    if (this.#path.length === 2 && this.#current && name !== undefined) {
      if (name === 'pem') this.#current.pem = this.#text;
      else
        Object.defineProperty(this.#current.fields, name, {
          value: this.#text.trim(),
          enumerable: true,
          configurable: true,
        });
    }
    if (this.#path.length === 1 && this.#current) {
      this.#found.push(this.#current);
      this.#current = undefined;
    }
  }
}
