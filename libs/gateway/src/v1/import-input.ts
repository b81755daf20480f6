import type { Multipart, MultipartFile } from '@fastify/multipart';
import { invalid, limitExceeded } from '@certferry/core';
import { importBody, importFields, MAX_DIRECT_IMPORT_BYTES, type ImportFields } from '@certferry/rest';
import type { FastifyRequest } from 'fastify';
import { readBelowRoot } from '../files-root.ts';
import type { GatewayContext } from '../gateway-context.ts';
import { checkInput, HttpError } from '../problem.ts';

export interface ImportInput extends ImportFields {
  /** Of a large upload its first 10 MiB. */
  content: Uint8Array;
  filePath?: string;
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
    filePath === undefined ? Buffer.from(contentBase64!, 'base64') : await readBelowRoot(filesRoot, filePath);
  return { content, filePath, ...fields };
}

const JSON_FIELDS = new Set(['metadata', 'tags', 'firstOfPem', 'createOnly', 'formats']);
const MAX_FIELD_BYTES = 512 * 1024;

async function readMultipart(request: FastifyRequest, most: number): Promise<ImportInput> {
  // Generated clients send JSON fields as parts of their own type, which browsers give a file name.
  const limits = { files: 1 + JSON_FIELDS.size, fileSize: most };
  const parts = request.parts({ limits });
  const fields: Record<string, unknown> = {};
  const file = await nextFile(parts, fields);
  if (!file) throw invalid('INVALID_FIELD', 'The form needs a part "file" with the container.', { field: 'file' });
  const { head, rest } = await readHead(file.file, MAX_DIRECT_IMPORT_BYTES);
  const others = async () => {
    if (await nextFile(parts, fields))
      throw limitExceeded('files', 1, 'The form has more than one file; send one a call.');
    return checkInput(importFields, fields);
  };
  const { filename: fileName } = file;
  if (rest && most > MAX_DIRECT_IMPORT_BYTES) return { content: head, fileName, large: { rest, fields: others } };
  // The form's own limit ends what is too large for a direct import.
  for await (const _ of rest ?? []);
  return { content: head, fileName, ...(await others()) };
}

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
