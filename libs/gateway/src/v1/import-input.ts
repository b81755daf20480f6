import { invalid } from '@certferry/core';
import { importBody, importFields, type ImportFields } from '@certferry/rest';
import type { FastifyRequest } from 'fastify';
import { readBelowRoot } from '../files-root.ts';
import type { GatewayContext } from '../gateway-context.ts';
import { checkInput, HttpError } from '../problem.ts';

export interface ImportInput extends ImportFields {
  content: Uint8Array;
  filePath?: string;
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
    filePath === undefined ? Buffer.from(contentBase64!, 'base64') : await readBelowRoot(filesRoot, filePath);
  return { content, filePath, ...fields };
}

const JSON_FIELDS = new Set(['metadata', 'tags', 'firstOfPem', 'createOnly', 'formats']);

async function readMultipart(request: FastifyRequest): Promise<ImportInput> {
  let content: Uint8Array | undefined;
  const fields: Record<string, unknown> = {};
  for await (const part of request.parts()) {
    if (part.type === 'file') {
      if (part.fieldname !== 'file')
        throw invalid('INVALID_FIELD', `The file must be in a part named "file", not "${part.fieldname}".`, {
          field: part.fieldname,
        });
      content = await part.toBuffer();
    } else
      fields[part.fieldname] = JSON_FIELDS.has(part.fieldname) ? parseField(part.fieldname, part.value) : part.value;
  }
  if (!content) throw invalid('INVALID_FIELD', 'The form needs a part "file" with the container.', { field: 'file' });
  return { content, ...checkInput(importFields, fields) };
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
