import type { Multipart, MultipartFile } from '@fastify/multipart';
import { invalid, limitExceeded } from '@certferry/core';
import { importBody, importFields, MAX_DIRECT_IMPORT_BYTES, type ImportBody, type ImportFields } from '@certferry/rest';
import type { FastifyRequest } from 'fastify';
import { readBelowRoot } from '../files-root.ts';
import type { GatewayContext } from '../gateway-context.ts';
import { checkInput, HttpError } from '../problem.ts';
import { packFiles, type NamedFile } from './pack-files.ts';

export interface ImportInput extends ImportFields {
  /** Of a large upload its first 10 MiB. */
  content: Uint8Array;
  filePath?: string;
  /** Instead of content. */
  url?: ImportBody['url'];
  endpoint?: ImportBody['endpoint'];
  fileName?: string;
  large?: LargeUpload;
}

/** What is left of an upload that is larger than a direct import may be. */
export interface LargeUpload {
  /** What follows `content`. */
  rest: AsyncIterable<Uint8Array>;
  /** All fields, also those that stand behind the file; when the rest has been read. */
  fields: () => Promise<ImportFields>;
}

/**
 * The container and its fields, from a multipart form or from JSON. Also leaves what the idempotency fingerprint needs;
 * of a large upload that is its beginning and its length.
 */
export async function readImportInput(
  context: GatewayContext,
  request: FastifyRequest,
  { most = MAX_DIRECT_IMPORT_BYTES }: { most?: number } = {},
): Promise<ImportInput> {
  const input = request.isMultipart() ? await readMultipart(request, most) : await readJson(context, request.body);
  const { content, large, fileName: _, ...fields } = input;
  request.bodyParts = [content, JSON.stringify(fields), ...(large ? [request.headers['content-length'] ?? ''] : [])];
  return input;
}

async function readJson({ filesRoot }: GatewayContext, body: unknown): Promise<ImportInput> {
  if (body === undefined)
    throw new HttpError(
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      'Send multipart/form-data with a part "file", or JSON with contentBase64.',
    );
  const { contentBase64, filePath, ...fields } = checkInput(importBody, body);
  const content =
    filePath === undefined ? Buffer.from(contentBase64 ?? '', 'base64') : await readBelowRoot(filesRoot, filePath);
  return { content, filePath, ...fields };
}

const JSON_FIELDS = new Set(['metadata', 'tags', 'firstOfPem', 'createOnly', 'formats', 'passwords']);
const MAX_FIELD_BYTES = 512 * 1024;
/** Of one form; together they are at most as large as one upload. */
const MAX_FILES = 100;
const MAX_FILE_BYTES = 10 * 1024 * 1024;

async function readMultipart(request: FastifyRequest, most: number): Promise<ImportInput> {
  // Generated clients send JSON fields as parts of their own type, which browsers give a file name.
  const limits = { files: MAX_FILES + 1 + JSON_FIELDS.size, parts: MAX_FILES + 21, fileSize: most };
  const parts = request.parts({ limits });
  const fields: Record<string, unknown> = {};
  const files: NamedFile[] = [];
  for (let file = await nextFile(parts, fields); file; file = await nextFile(parts, fields)) {
    const { filename: name } = file;
    const { head, rest } = await readHead(file.file, MAX_DIRECT_IMPORT_BYTES);
    if (rest && most > MAX_DIRECT_IMPORT_BYTES) {
      if (files.length > 0) throw notAlone();
      const others = async () => {
        if (await nextFile(parts, fields)) throw notAlone();
        return checkInput(importFields, fields);
      };
      return { content: head, fileName: name, large: { rest, fields: others } };
    }
    // The form's own limit ends what is too large for a direct import.
    for await (const _ of rest ?? []);
    addFile(files, { name: name ?? '', content: head });
  }
  const [file] = files;
  if (!file) throw invalid('INVALID_FIELD', 'The form needs a part "file" with the container.', { field: 'file' });
  const one = files.length === 1 ? { content: file.content, fileName: file.name } : { content: packFiles(files) };
  return { ...one, ...checkInput(importFields, fields) };
}

const notAlone = () =>
  limitExceeded(
    'upload bytes',
    MAX_DIRECT_IMPORT_BYTES,
    `A file above ${MAX_DIRECT_IMPORT_BYTES} bytes is imported alone: send the other files in a call of their own, or all of them as a ZIP archive.`,
  );

/** Reads fields until there is a part with the container. */
async function nextFile(
  parts: AsyncIterator<Multipart>,
  fields: Record<string, unknown>,
): Promise<MultipartFile | undefined> {
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    const part = next.value;
    const name = part.fieldname;
    if (part.type === 'field') fields[name] = JSON_FIELDS.has(name) ? parseField(name, part.value) : part.value;
    else if (JSON_FIELDS.has(name) && part.mimetype === 'application/json')
      fields[name] = parseField(name, await readJsonPart(part));
    else if (name === 'file') return part;
    else throw invalid('INVALID_FIELD', `The file must be in a part named "file", not "${name}".`, { field: name });
  }
  return undefined;
}

/** The first bytes of a stream, at most about `most`, and what follows if anything does. */
async function readHead(
  stream: AsyncIterable<Uint8Array>,
  most: number,
): Promise<{ head: Buffer; rest?: AsyncIterable<Uint8Array> }> {
  const chunks = stream[Symbol.asyncIterator]();
  const read: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const next = await chunks.next();
    if (next.done) return { head: Buffer.concat(read) };
    const chunk = next.value;
    if (bytes + chunk.length > most) {
      const rest = async function* () {
        yield chunk;
        for (let more = await chunks.next(); !more.done; more = await chunks.next()) yield more.value;
      };
      return { head: Buffer.concat(read), rest: rest() };
    }
    read.push(chunk);
    bytes += chunk.length;
  }
}

/** Several files of one form are one container: keys and certificates belong together across them. */
function addFile(files: NamedFile[], file: NamedFile): void {
  files.push(file);
  if (files.length > MAX_FILES)
    throw limitExceeded('files', MAX_FILES, `The form has more than ${MAX_FILES} files: send them as a ZIP archive.`);
  const bytes = files.reduce((sum, { content }) => sum + content.length, 0);
  if (bytes > MAX_FILE_BYTES)
    throw limitExceeded('upload bytes', MAX_FILE_BYTES, `The files have more than ${MAX_FILE_BYTES} bytes together.`);
}

async function readJsonPart(part: MultipartFile): Promise<string> {
  const bytes = await part.toBuffer();
  if (bytes.length > MAX_FIELD_BYTES)
    throw limitExceeded('field bytes', MAX_FIELD_BYTES, `The field "${part.fieldname}" is larger than 512 KiB.`);
  return bytes.toString();
}

/** A part that says that it is JSON comes as its value. */
function parseField(name: string, text: unknown): unknown {
  if (typeof text !== 'string') return text;
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('INVALID_FIELD', `The field "${name}" must be JSON.`, { field: name });
  }
}
