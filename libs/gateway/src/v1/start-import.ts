import type { inventoryV1 } from '@certferry/contracts';
import type { FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import type { ImportFields } from '@certferry/rest';
import type { ImportInput } from './import-input.ts';

const UPLOAD_DEADLINE_MS = 600_000;
const CHUNK_BYTES = 1024 * 1024;

/** Whether the caller wants the answer before the work is done (RFC 7240 section 4.1). */
export const prefersAsync = ({ headers }: FastifyRequest): boolean =>
  [headers['prefer']].flat().some((value) => /(^|,)\s*respond-async\s*(;|,|$)/i.test(value ?? ''));

/** Streams what was sent to the inventory; answers when it is kept. */
export async function startImport(
  { services }: GatewayContext,
  request: FastifyRequest,
  input: ImportInput,
): Promise<inventoryV1.Import> {
  // What breaks the upload is ours to say: on the wire it only breaks the call.
  let broken: unknown;
  const messages = async function* (): AsyncGenerator<inventoryV1.StartImportRequest> {
    try {
      for await (const value of chunksOf(input)) yield { part: { $case: 'chunk', value } };
      const { content: _, large, fileName = '', ...given } = input;
      const fields = large ? await large.fields() : given;
      const draft = { request: toRequest(fields, input.filePath), fileName, address: request.ip };
      yield { part: { $case: 'draft', value: draft } };
    } catch (error) {
      broken = error;
      throw error;
    }
  };
  try {
    return (await services.imports.startImport(messages(), { deadline: UPLOAD_DEADLINE_MS })).import!;
  } catch (error) {
    throw broken ?? error;
  } finally {
    if (input.large) request.raw.unpipe().resume();
  }
}

async function* chunksOf({ content, large }: ImportInput): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += CHUNK_BYTES) yield content.subarray(at, at + CHUNK_BYTES);
  if (large) yield* large.rest;
}

function toRequest(fields: ImportFields, filePath = ''): inventoryV1.ImportCertificatesRequest {
  const { metadata, tags, firstOfPem = false, createOnly = false, formats = [], passwords = [], ...rest } = fields;
  const asked = {
    ...rest,
    metadata: metadata && { values: metadata },
    tags: tags && { values: tags },
    firstOfPem,
    createOnly,
    formats,
    passwords,
  };
  return { ...asked, filePath, content: new Uint8Array(), source: undefined, dryRun: false };
}
