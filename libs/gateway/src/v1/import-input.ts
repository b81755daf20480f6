import type { MultipartFile } from '@fastify/multipart';
import { invalid, limitExceeded } from '@certferry/core';
import { importBody, importFields, type ImportBody, type ImportFields } from '@certferry/rest';
import type { FastifyRequest } from 'fastify';
import { readBelowRoot } from '../files-root.ts';
import type { GatewayContext } from '../gateway-context.ts';
import { checkInput, HttpError } from '../problem.ts';
import { packFiles, type NamedFile } from './pack-files.ts';

export interface ImportInput extends ImportFields {
  content: Uint8Array;
  filePath?: string;
  /** Instead of content. */
  url?: ImportBody['url'];
  endpoint?: ImportBody['endpoint'];
}

/** The container and its fields, from a multipart form or from JSON. Also leaves what the idempotency fingerprint needs. */
export async function readImportInput(context: GatewayContext, request: FastifyRequest): Promise<ImportInput> {
  const input = request.isMultipart() ? await readMultipart(request) : await readJson(context, request.body);
  const { content, ...fields } = input;
  request.bodyParts = [content, JSON.stringify(fields)];
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

async function readMultipart(request: FastifyRequest): Promise<ImportInput> {
  const files: NamedFile[] = [];
  const fields: Record<string, unknown> = {};
  // Generated clients send JSON fields as parts of their own type, which browsers give a file name.
  const limits = { files: MAX_FILES + 1 + JSON_FIELDS.size, parts: MAX_FILES + 21 };
  for await (const part of request.parts({ limits })) {
    const name = part.fieldname;
    if (part.type === 'field') fields[name] = JSON_FIELDS.has(name) ? parseField(name, part.value) : part.value;
    else if (JSON_FIELDS.has(name) && part.mimetype === 'application/json')
      fields[name] = parseField(name, await readJsonPart(part));
    else if (name !== 'file')
      throw invalid('INVALID_FIELD', `The file must be in a part named "file", not "${name}".`, { field: name });
    else addFile(files, { name: part.filename ?? '', content: await part.toBuffer() });
  }
  const [file] = files;
  if (!file) throw invalid('INVALID_FIELD', 'The form needs a part "file" with the container.', { field: 'file' });
  const content = files.length === 1 ? file.content : packFiles(files);
  return { content, ...checkInput(importFields, fields) };
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
