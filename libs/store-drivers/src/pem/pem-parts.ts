import { readPem } from '@certferry/x509';
import type { FileContents } from '../files/file-set.ts';

/** A piece of a PEM file: a block, or the text between two. All pieces together are the file. */
export interface PemPart {
  raw: string;
  /** Absent: text. */
  label?: string;
}

/** In Latin-1, so that every byte of what is not ours comes out as it went in. */
export function splitPem(content: Buffer): PemPart[] {
  const parts: PemPart[] = [];
  let text = '';
  let block: { raw: string; label: string } | undefined;
  for (const line of content.toString('latin1').split(/(?<=\n)/)) {
    const begin = /^-----BEGIN ([^-\r\n]+)-----\s*$/.exec(line);
    if (begin) {
      text += block?.raw ?? '';
      block = { raw: line, label: begin[1]! };
    } else if (!block) text += line;
    else {
      block.raw += line;
      if (!line.startsWith(`-----END ${block.label}-----`)) continue;
      if (text) parts.push({ raw: text });
      parts.push({ raw: ended(block.raw), label: block.label });
      [text, block] = ['', undefined];
    }
  }
  text += block?.raw ?? '';
  if (text) parts.push({ raw: text });
  return parts;
}

export const joinPem = (parts: Pick<PemPart, 'raw'>[]): Buffer =>
  Buffer.from(parts.map(({ raw }) => raw).join(''), 'latin1');

const ended = (raw: string): string => (raw.endsWith('\n') ? raw : `${raw}\n`);

export const isCertificate = ({ label = '' }: PemPart): boolean =>
  ['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE'].includes(label);

/** The parameters that `openssl ecparam` puts before a key are the key's. */
export const isKey = ({ label = '' }: PemPart): boolean => label.endsWith('PRIVATE KEY') || label === 'EC PARAMETERS';

/** The bytes of a block; undefined when it cannot be read. */
export const bytesOf = ({ raw }: PemPart): Buffer | undefined => {
  const [block] = readPem(Buffer.from(raw, 'latin1'));
  return block?.bytes && Buffer.from(block.bytes);
};

/** What OpenSSL writes about a block before it: true of that certificate alone. */
const EXPLANATION =
  /^(?:(?:subject|issuer|notBefore|notAfter|serial)\s?=|Bag Attributes|Key Attributes|Certificate:|Private-Key:|No attributes|[ \t]+[^\s#])/i;

/** A text without what was said of blocks that are gone. */
export const withoutExplanations = (raw: string): string =>
  raw
    .split(/(?<=\n)/)
    .filter((line) => !EXPLANATION.test(line))
    .join('');

/** Whether there is a key in any of the files, of any form, also of one that no driver reads. */
export const holdsPemKey = (contents: FileContents): boolean =>
  Object.values(contents).some((content) => content?.includes('PRIVATE KEY-----'));
