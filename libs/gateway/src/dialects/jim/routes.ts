import { notFound } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { readBelowRoot } from '../../files-root.ts';
import type { GatewayContext } from '../../gateway-context.ts';
import { apiKeyHeader, authorize, callOptions, recordAudit } from '../../guards.ts';
import { HttpError, noSuchRoute } from '../../problem.ts';
import { validateCertificate } from '../../validate-certificate.ts';
import { duplicateKey, lowerKeys, parseBody, readBase64 } from '../json-body.ts';
import { toJimCertificate, type JimCertificate } from './certificate.ts';
import { JimValidationError, toJimError } from './errors.ts';
import { readListQuery } from './list-query.ts';

const MAX_BASE64_CHARACTERS = 1_048_576;
const MAX_FILE_BYTES = 1024 * 1024;
const GUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

const name = z.string().trim().min(1).max(255);
const notes = z.string().max(2_000).nullish();
const changereason = z.string().max(1_000).nullish();
const uploadBody = z.object({
  name,
  certificatedatabase64: z.string().min(1).max(MAX_BASE64_CHARACTERS),
  notes,
  changereason,
});
const fileBody = z.object({ name, filepath: z.string().trim().min(1).max(4_096), notes, changereason });
const patchBody = z.object({ name: name.nullish(), notes, isenabled: z.boolean().nullish(), changereason });

/** Our lower-case names of fields as JIM writes them. */
const FIELD_NAMES: Record<string, string> = {
  certificatedatabase64: 'certificateDataBase64',
  filepath: 'filePath',
  isenabled: 'isEnabled',
  changereason: 'changeReason',
};

function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(lowerKeys(body ?? {}));
  if (parsed.success) return parsed.data;
  const errors: Record<string, string[]> = {};
  for (const { path, message } of parsed.error.issues) {
    const field = String(path[0] ?? 'body');
    (errors[FIELD_NAMES[field] ?? field] ??= []).push(message);
  }
  throw new JimValidationError(errors);
}

export function addJimRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { platform, services } = context;
  addConventions(app, context);
  const callers = async () => new Map((await context.apiKeys.list()).map((key) => [key._id, key.name]));
  const toJim = async (certificate: inventoryV1.Certificate): Promise<JimCertificate> =>
    toJimCertificate(certificate, { now: platform.clock.now(), callers: await callers() });
  const find = async (request: FastifyRequest): Promise<inventoryV1.Certificate> => {
    const { id } = request.params as { id: string };
    if (!GUID.test(id)) throw notFound('certificate', id);
    return (await services.certificates.getCertificate({ id: id.toLowerCase() }, callOptions(request))).certificate!;
  };
  const create = async (
    request: FastifyRequest,
    from: { content: Uint8Array; filePath?: string; name: string; notes?: string | null },
  ): Promise<JimCertificate> => {
    const { content, filePath = '', notes } = from;
    const imported = await services.imports.importCertificates(
      {
        content,
        filePath,
        name: from.name,
        notes: notes ?? undefined,
        firstOfPem: true,
        createOnly: true,
        formats: ['pem', 'der'],
      },
      callOptions(request),
    );
    const [item] = imported.import!.items;
    if (!item || item.result === inventoryV1.ImportResult.FAILED) {
      throw item?.reason === 'CERTIFICATE_EXISTS'
        ? new HttpError(400, item.reason, item.message)
        : new JimValidationError({ certificate: [item?.message ?? 'There is no certificate in it.'] });
    }
    return await toJim(
      (await services.certificates.getCertificate({ id: item.certificateId }, callOptions(request))).certificate!,
    );
  };
  const created = (request: FastifyRequest, reply: FastifyReply, certificate: JimCertificate) =>
    reply
      .code(201)
      .header('location', `${request.protocol}://${request.host}/api/v1/certificates/${certificate.id}`)
      .send(certificate);

  app.get('/certificates', { config: { scope: 'read' } }, async (request) => {
    const { page, pageSize, ...query } = readListQuery(request.query as Record<string, unknown>, platform.clock.now());
    const { items, total } = await services.certificates.listCertificates(
      { ...query, limit: pageSize, offset: (page - 1) * pageSize, withTotal: true },
      callOptions(request),
    );
    const of = { now: platform.clock.now(), callers: await callers() };
    const totalPages = Math.ceil(total! / pageSize);
    return {
      items: items.map((one) => toJimCertificate(one, of)),
      totalCount: total!,
      page,
      pageSize,
      totalPages,
      hasNextPage: page < totalPages,
      hasPreviousPage: page > 1,
    };
  });
  app.get('/certificates/enabled', { config: { scope: 'read' } }, async (request) => {
    const of = { now: platform.clock.now(), callers: await callers() };
    const enabled: JimCertificate[] = [];
    let cursor = '';
    do {
      const found = await services.certificates.listCertificates(
        { filter: 'Enabled -eq true', sort: 'name', limit: 500, cursor },
        callOptions(request),
      );
      enabled.push(...found.items.map((one) => toJimCertificate(one, of)));
      cursor = found.nextCursor;
    } while (cursor);
    return enabled;
  });
  app.get('/certificates/:id', { config: { scope: 'read' } }, async (request) => await toJim(await find(request)));
  app.post('/certificates/upload', { config: { scope: 'write' } }, async (request, reply) => {
    const body = readBody(uploadBody, request.body);
    const content = readBase64(body.certificatedatabase64);
    if (!content)
      throw new JimValidationError({ certificateDataBase64: ['The certificate data is not valid base64.'] });
    await recordAudit(context, request, body.changereason ?? undefined);
    return created(request, reply, await create(request, { ...body, content }));
  });
  app.post('/certificates/file', { config: { scope: 'write' } }, async (request, reply) => {
    const body = readBody(fileBody, request.body);
    const content = await readReferenced(context, body.filepath);
    await recordAudit(context, request, body.changereason ?? undefined);
    return created(request, reply, await create(request, { ...body, content, filePath: body.filepath }));
  });
  app.patch('/certificates/:id', { config: { scope: 'write' } }, async (request, reply) => {
    const { id } = await find(request);
    const body = readBody(patchBody, request.body);
    await recordAudit(context, request, body.changereason ?? undefined);
    await services.certificates.updateCertificate(
      {
        id,
        name: body.name ?? undefined,
        notes: body.notes ?? undefined,
        enabled: body.isenabled ?? undefined,
      },
      callOptions(request),
    );
    return await reply.code(204).send();
  });
  app.delete('/certificates/:id', { config: { scope: 'write' } }, async (request, reply) => {
    const { id } = await find(request);
    const { changeReason } = z.object({ changeReason: z.string().max(1_000).optional() }).parse(request.query);
    await recordAudit(context, request, changeReason);
    await services.certificates.deleteCertificate({ id }, callOptions(request));
    return await reply.code(204).send();
  });
  app.get('/certificates/:id/validate', { config: { scope: 'read' } }, async (request) => {
    const { errors, warnings } = await validateCertificate(await find(request), {
      now: platform.clock.now(),
      filesRoot: context.filesRoot,
    });
    return { isValid: errors.length === 0, errors, warnings };
  });
  app.get('/certificates/:id/download', { config: { scope: 'read' } }, async (request, reply) => {
    const { id, name, filePath } = await find(request);
    if (filePath) throw new HttpError(404, 'NO_DATA', 'Certificate data is not available: it is a file by reference.');
    const { content } = await services.exports.exportCertificate(
      { id, format: inventoryV1.ExportFormat.DER },
      callOptions(request),
    );
    return await reply
      .header('content-disposition', attachment(`${name.replace(/[\p{Cc}"<>|:*?\\/]/gu, '_')}.cer`))
      .type('application/x-x509-ca-cert')
      .send(Buffer.from(content));
  });
  addHealth(app, context);
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

function addConventions(app: FastifyInstance, context: GatewayContext): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, text, done) => {
    try {
      const body = request.method === 'DELETE' ? undefined : parseBody(text as string);
      const twice = body === undefined ? undefined : duplicateKey(text as string);
      if (twice) throw new JimValidationError({ [twice]: ['The property stands twice in the body.'] });
      done(null, body);
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('api-supported-versions', '1.0');
    if (!request.is404 && !request.routeOptions.config.anonymous)
      await authorize(context, request, { key: apiKeyHeader(request) });
  });
  app.setErrorHandler(async (error, request, reply) => {
    const { status, body } = toJimError(error, context.platform.clock.now());
    if (status >= 500) context.platform.logger.error({ err: error, requestId: request.id }, 'request failed');
    if (status === 429) reply.header('retry-after', '60');
    if (status === 503) reply.header('retry-after', '5');
    return await reply.code(status).type('application/json; charset=utf-8').send(body);
  });
  app.setNotFoundHandler((request) => {
    throw noSuchRoute(request);
  });
}

/** Health for JIM's module, without a key. Sign-in pages are not there: a client then uses its API key. */
function addHealth(app: FastifyInstance, { platform }: GatewayContext): void {
  const anonymous = { config: { anonymous: true } };
  const health = () => Promise.resolve({ status: 'healthy', timestamp: platform.clock.now().toISOString() });
  app.get('/health', anonymous, health);
  app.get('/health/live', anonymous, health);
  app.get('/health/ready', anonymous, async (_request, reply) => {
    const ready = Object.values(await platform.checkHealth()).every((problem) => problem === undefined);
    return await reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'not ready', timestamp: platform.clock.now().toISOString() });
  });
  app.get('/health/version', anonymous, () => Promise.resolve({ product: 'Certferry', version: '0.1.0' }));
  app.get('/auth/config', anonymous, () => {
    throw new HttpError(503, 'NO_SIGN_IN', 'There is no sign-in here: use an API key.');
  });
}
