import { notFound } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readBelowRoot } from '../../files-root.ts';
import type { GatewayContext } from '../../gateway-context.ts';
import { HttpError } from '../../problem.ts';
import { validateCertificate } from '../../validate-certificate.ts';
import { readBase64 } from '../json-body.ts';
import { toJimCertificate, type JimCertificate } from './certificate.ts';
import { JimValidationError } from './errors.ts';
import { readListQuery } from './list-query.ts';
import { changeReasonOf, deleteQuery, fileBody, patchBody, readFields, uploadBody } from './request-fields.ts';

const MAX_FILE_BYTES = 1024 * 1024;
const GUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

const READ = { config: { scope: 'read' } } as const;
const WRITE = {
  config: { scope: 'write', statedReason: ({ body }: FastifyRequest) => changeReasonOf(body) },
} as const;
const DELETE = {
  config: { scope: 'write', statedReason: ({ query }: FastifyRequest) => changeReasonOf(query) },
} as const;

export function addCertificateRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { platform, services } = context;
  const toJim = async (certificates: inventoryV1.Certificate[]): Promise<JimCertificate[]> => {
    const callers = await context.apiKeys.namesOf(certificates.map((one) => one.createdBy));
    return certificates.map((one) => toJimCertificate(one, { now: platform.clock.now(), callers }));
  };
  const get = async (id: string) => (await services.certificates.getCertificate({ id })).certificate!;
  const find = async (request: FastifyRequest): Promise<inventoryV1.Certificate> => {
    const { id } = request.params as { id: string };
    if (!GUID.test(id)) throw notFound('certificate', id);
    return await get(id.toLowerCase());
  };
  const create = async (from: NewCertificate): Promise<JimCertificate> => {
    const [made] = await toJim([await get(await importOne(context, from))]);
    return made!;
  };
  const created = (request: FastifyRequest, reply: FastifyReply, certificate: JimCertificate) =>
    reply
      .code(201)
      .header('location', `${request.protocol}://${request.host}/api/v1/certificates/${certificate.id}`)
      .send(certificate);

  app.get('/certificates', READ, async (request) => {
    const { page, pageSize, ...query } = readListQuery(request.query as Record<string, unknown>, platform.clock.now());
    const offset = (page - 1) * pageSize;
    const asked = { ...query, limit: pageSize, offset, withTotal: true };
    const { items, total } = await services.certificates.listCertificates(asked);
    const totalPages = Math.ceil(total! / pageSize);
    return {
      items: await toJim(items),
      totalCount: total!,
      page,
      pageSize,
      totalPages,
      hasNextPage: page < totalPages,
      hasPreviousPage: page > 1,
    };
  });
  app.get('/certificates/enabled', READ, async () => {
    const enabled: inventoryV1.Certificate[] = [];
    let cursor = '';
    do {
      const asked = { filter: 'Enabled -eq true', sort: 'name', limit: 500, cursor };
      const found = await services.certificates.listCertificates(asked);
      enabled.push(...found.items);
      cursor = found.nextCursor;
    } while (cursor);
    return await toJim(enabled);
  });
  app.get('/certificates/:id', READ, async (request) => (await toJim([await find(request)]))[0]);
  app.post('/certificates/upload', WRITE, async (request, reply) => {
    const body = readFields(uploadBody, request.body);
    const content = readBase64(body.certificatedatabase64);
    if (!content)
      throw new JimValidationError({ certificateDataBase64: ['The certificate data is not valid base64.'] });
    return created(request, reply, await create({ ...body, content }));
  });
  app.post('/certificates/file', WRITE, async (request, reply) => {
    const body = readFields(fileBody, request.body);
    const content = await readReferenced(context, body.filepath);
    return created(request, reply, await create({ ...body, content, filePath: body.filepath }));
  });
  app.patch('/certificates/:id', WRITE, async (request, reply) => {
    const { id } = await find(request);
    const { name, notes, isenabled: enabled } = readFields(patchBody, request.body);
    const change = { name: name ?? undefined, notes: notes ?? undefined, enabled: enabled ?? undefined };
    await services.certificates.updateCertificate({ id, ...change });
    return await reply.code(204).send();
  });
  app.delete('/certificates/:id', DELETE, async (request, reply) => {
    const { id } = await find(request);
    readFields(deleteQuery, request.query);
    // JIM's certificates endpoints never answer 409.
    await services.certificates.deleteCertificate({ id, force: true });
    return await reply.code(204).send();
  });
  app.get('/certificates/:id/validate', READ, async (request) => {
    const { errors, warnings } = await validateCertificate(await find(request), {
      now: platform.clock.now(),
      filesRoot: context.filesRoot,
    });
    return { isValid: errors.length === 0, errors, warnings };
  });
  app.get('/certificates/:id/download', READ, async (request, reply) => {
    const { id, name, filePath } = await find(request);
    if (filePath) throw new HttpError(404, 'NO_DATA', 'Certificate data is not available: it is a file by reference.');
    const { content } = await services.exports.exportCertificate({ id, format: inventoryV1.ExportFormat.DER });
    return await reply
      .header('content-disposition', attachment(`${name.replace(/[\p{Cc}"<>|:*?\\/]/gu, '_')}.cer`))
      .type('application/x-x509-ca-cert')
      .send(Buffer.from(content));
  });
}

interface NewCertificate {
  content: Uint8Array;
  filePath?: string;
  name: string;
  notes?: string | null;
}

/** Imports one certificate and answers its id; HttpError 400 for one that is there, JimValidationError for what is none. */
async function importOne({ services }: GatewayContext, from: NewCertificate): Promise<string> {
  const { content, filePath = '', name, notes } = from;
  const { import: imported } = await services.imports.importCertificates({
    ...{ content, filePath, name, notes: notes ?? undefined },
    ...{ firstOfPem: true, createOnly: true, formats: ['pem', 'der'] },
  });
  const [item] = imported!.items;
  if (item && item.result !== inventoryV1.ImportResult.FAILED) return item.certificateId;
  throw item?.reason === 'CERTIFICATE_EXISTS'
    ? new HttpError(400, item.reason, item.message)
    : new JimValidationError({ certificate: [item?.message ?? 'There is no certificate in it.'] });
}

/** RFC 6266: a plain name, and the exact one where it is not ASCII. */
function attachment(fileName: string): string {
  const plain = fileName.replace(/[^\x20-\x7e]/g, '_');
  const exact = plain === fileName ? '' : `; filename*=UTF-8''${encodeURIComponent(fileName)}`;
  return `attachment; filename="${plain}"${exact}`;
}

/** The file that a certificate is taken from by reference. The same answer for what is outside and what is missing. */
async function readReferenced({ filesRoot }: GatewayContext, path: string): Promise<Buffer> {
  const odd = /[\0\\]/.test(path) || /^\/*[A-Za-z]:/.test(path) || path.split('/').includes('..');
  return await readBelowRoot(filesRoot, odd ? '' : path, MAX_FILE_BYTES);
}
