import { PassThrough, type Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import { AppError, invalid } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GatewayContext } from './gateway-context.ts';

const UPLOAD_DEADLINE_MS = 600_000;
const MAX_BOUNDARY_LINE = 300;
/** What is not larger than this and has no line end has no boundary either. */
const notMultipart = () =>
  invalid(
    'INVALID_FORM',
    'Send multipart/form-data with a part "file"; its boundary is neither in Content-Type nor in the first line.',
  );

/** Leaves bodies of forms unread in this scope, for readUpload. */
export function keepFormsUnread(app: FastifyInstance): void {
  app.removeContentTypeParser('multipart/form-data');
  app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null));
}

/** The form's part "file" as it comes in. INVALID_ARGUMENT INVALID_FORM or TRUNCATED for what is not such a form. */
async function* readUpload(request: FastifyRequest, onName: (fileName: string) => void): AsyncGenerator<Uint8Array> {
  const type = request.headers['content-type'] ?? '';
  const body = new PassThrough();
  const headers = { 'content-type': await withBoundary(request.raw, type, body) };
  const form = new Busboy({ headers, limits: { files: 1, fields: 20, parts: 21 } });
  let found: ((file: Readable) => void) | undefined;
  const file = new Promise<Readable>((resolve) => (found = resolve));
  const ended = new Promise<undefined>((resolve, reject) => {
    form.on('finish', () => resolve(undefined));
    form.on('error', () => reject(invalid('TRUNCATED', 'The multipart form is cut short or damaged.')));
    request.raw.on('aborted', () => reject(invalid('TRUNCATED', 'The upload was broken off.')));
  });
  ended.catch(() => undefined);
  form.on('file', (name, stream, fileName) => {
    // It fails as soon as its form does, listened to or not.
    stream.on('error', () => undefined);
    if (name !== 'file') return void stream.resume();
    onName(fileName);
    found!(stream);
  });
  body.pipe(form);
  const stream = await Promise.race([file, ended]);
  if (!stream) throw invalid('INVALID_FORM', 'The form needs a part "file" with the archive.', { field: 'file' });
  const broken = ended.then(
    () => undefined,
    (error: AppError) => error,
  );
  void broken.then((error) => error && stream.destroy(error));
  for await (const chunk of stream) yield chunk as Uint8Array;
  await ended;
}

/** Pipes the body on, after its first line has told the boundary if the header does not. */
async function withBoundary(from: Readable, type: string, to: PassThrough): Promise<string> {
  if (!/^multipart\/form-data/i.test(type)) throw notMultipart();
  if (/boundary=/i.test(type)) {
    from.pipe(to);
    return type;
  }
  let head = Buffer.alloc(0);
  while (!head.includes(0x0a)) {
    const chunk = (from.read() as Buffer | null) ?? (await nextChunk(from));
    if (!chunk || head.length > MAX_BOUNDARY_LINE) throw notMultipart();
    head = Buffer.concat([head, chunk]);
  }
  const line = head.subarray(0, head.indexOf(0x0a)).toString('latin1').trim();
  if (!line.startsWith('--') || line.length < 3) throw notMultipart();
  to.write(head);
  from.pipe(to);
  return `multipart/form-data; boundary="${line.slice(2)}"`;
}

function nextChunk(from: Readable): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const done = (run: () => void) => () => {
      from.off('readable', onReadable).off('end', onEnd).off('error', onError);
      run();
    };
    const onReadable = done(() => resolve(from.read() as Buffer | null));
    const onEnd = done(() => resolve(null));
    const onError = done(() => reject(notMultipart()));
    from.once('readable', onReadable).once('end', onEnd).once('error', onError);
  });
}

/** Streams an uploaded archive to the inventory; answers when it is kept and counted. */
export async function uploadArchive(
  { services }: GatewayContext,
  request: FastifyRequest,
  { profileId, namedByFormat = false }: { profileId: string; namedByFormat?: boolean },
): Promise<inventoryV1.BulkImport> {
  let fileName = '';
  const chunks = readUpload(request, (name) => (fileName = name));
  // What breaks the upload is ours to say: on the wire it only breaks the call.
  let broken: unknown;
  const requests = async function* (): AsyncGenerator<inventoryV1.StartBulkImportRequest> {
    try {
      const first = await chunks.next();
      yield { part: { $case: 'draft', value: { profileId, fileName, address: request.ip, namedByFormat } } };
      if (first.done) return;
      yield { part: { $case: 'chunk', value: first.value } };
      for await (const value of chunks) yield { part: { $case: 'chunk', value } };
    } catch (error) {
      broken = error;
      throw error;
    }
  };
  // A profile that is not there is said before the archive is read.
  await services.enrollmentProfiles.getEnrollmentProfile({ id: profileId });
  try {
    return (await services.bulkImports.startBulkImport(requests(), { deadline: UPLOAD_DEADLINE_MS })).bulkImport!;
  } catch (error) {
    throw broken instanceof AppError ? broken : error;
  } finally {
    request.raw.unpipe();
    request.raw.resume();
  }
}
