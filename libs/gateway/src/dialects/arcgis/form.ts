import { invalid, limitExceeded } from '@certferry/core';

export interface FormFile {
  /** The part's name, as sent. */
  field: string;
  fileName: string;
  content: Buffer;
}

/** Fields by name in lower case; the last of several wins. */
export interface Form {
  fields: Map<string, string>;
  files: FormFile[];
}

const MAX_PARTS = 100;
const LINE_END = /\r?\n/;

const cutShort = () =>
  invalid('TRUNCATED', 'The multipart form is cut short: its last boundary is missing.', { what: 'form' });

/**
 * A form, urlencoded or multipart (RFC 7578), as clients really send it: quoted or unquoted names and boundaries, lines
 * ended by CRLF or LF, no boundary in the header. INVALID_ARGUMENT TRUNCATED when it does not end.
 */
export function readForm(body: Buffer, contentType: string): Form {
  const form: Form = { fields: new Map(), files: [] };
  if (body.length === 0) return form;
  if (/^multipart\/form-data/i.test(contentType)) readMultipart(body, contentType, form);
  else
    for (const [name, value] of new URLSearchParams(body.toString('utf8'))) form.fields.set(name.toLowerCase(), value);
  return form;
}

function boundaryOf(body: Buffer, contentType: string): string {
  const [, quoted, bare] = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType) ?? [];
  const given = quoted ?? bare;
  if (given !== undefined) return given;
  const [first = ''] = body.subarray(0, 300).toString('latin1').split(LINE_END);
  if (!first.startsWith('--') || first.length < 3)
    throw invalid('INVALID_FORM', 'The multipart form has no boundary, neither in Content-Type nor in its first line.');
  return first.slice(2);
}

function readMultipart(body: Buffer, contentType: string, form: Form): void {
  const delimiter = Buffer.from(`--${boundaryOf(body, contentType)}`, 'latin1');
  let at = body.indexOf(delimiter);
  if (at < 0) throw cutShort();
  for (let parts = 0; ; parts++) {
    at += delimiter.length;
    if (body[at] === 0x2d && body[at + 1] === 0x2d) return;
    if (parts === MAX_PARTS) throw limitExceeded('form parts', MAX_PARTS, `The form has more than ${MAX_PARTS} parts.`);
    const lineEnd = body.indexOf(0x0a, at);
    const newline = body[lineEnd - 1] === 0x0d ? '\r\n' : '\n';
    const end = body.indexOf(Buffer.concat([Buffer.from(newline), delimiter]), lineEnd + 1 - newline.length);
    if (lineEnd < 0 || end < 0) throw cutShort();
    readPart(body.subarray(lineEnd + 1, Math.max(end, lineEnd + 1)), newline, form);
    at = end + newline.length;
  }
}

function readPart(part: Buffer, newline: string, form: Form): void {
  const headEnd = part.indexOf(newline + newline);
  const head = part.subarray(0, Math.max(headEnd, 0)).toString('utf8');
  const content = part.subarray(headEnd < 0 ? part.length : headEnd + 2 * newline.length);
  const disposition = head.split(newline).find((line) => /^content-disposition:/i.test(line)) ?? '';
  const parameter = (name: string): string | undefined => {
    const [, quoted, bare] =
      new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]*))`, 'i').exec(disposition) ?? [];
    return quoted?.replace(/\\(.)/g, '$1') ?? bare;
  };
  const name = parameter('name');
  if (name === undefined) return;
  const fileName = parameter('filename');
  if (fileName === undefined) form.fields.set(name.toLowerCase(), content.toString('utf8'));
  else form.files.push({ field: name, fileName, content: Buffer.from(content) });
}
