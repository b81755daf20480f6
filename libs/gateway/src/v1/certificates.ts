import { inventoryV1 } from '@certferry/contracts';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { callOptions } from '../guards.ts';
import { validateCertificate } from '../validate-certificate.ts';
import { certificateToJson, pageToJson } from './json.ts';
import { certificate, certificatePatch, idParams, listOf, page, validation } from './schemas.ts';

const EXPORTS = {
  pem: inventoryV1.ExportFormat.PEM,
  chain: inventoryV1.ExportFormat.CHAIN,
  issuers: inventoryV1.ExportFormat.ISSUERS,
  der: inventoryV1.ExportFormat.DER,
  p7b: inventoryV1.ExportFormat.P7B,
} as const;
const KEY_EXPORTS = {
  pem: inventoryV1.PrivateKeyFormat.PEM,
  key: inventoryV1.PrivateKeyFormat.KEY,
  traditional: inventoryV1.PrivateKeyFormat.TRADITIONAL,
  p12: inventoryV1.PrivateKeyFormat.P12,
  'p12-legacy': inventoryV1.PrivateKeyFormat.P12_LEGACY,
  jks: inventoryV1.PrivateKeyFormat.JKS,
} as const;

const listQuery = z.object({
  filter: z.string().max(10_000).optional().describe('CN -eq "web1" AND NotAfter -lt "2027-01-01"; see docs/filter.md'),
  q: z.string().max(500).optional().describe('Words in subject, issuer, names, serial number or digests'),
  sort: z
    .string()
    .max(50)
    .optional()
    .describe('name, commonName, notAfter, createdAt or number; "-" before it for descending'),
  ...page,
});

const keyDownload = z.strictObject({
  format: z
    .enum(['pem', 'key', 'traditional', 'p12', 'p12-legacy', 'jks'])
    .describe(
      'pem: the key and the chain; key: the key alone (PKCS#8); traditional: PKCS#1 or SEC 1; p12-legacy: for readers from before 2019',
    ),
  password: z.string().max(1_000).optional().describe('At least 4 characters, 6 for jks'),
  unencrypted: z.boolean().optional().describe('Instead of a password, for pem, key and traditional'),
});

function sendFile(
  reply: FastifyReply,
  file: { content: Uint8Array; mediaType: string; fileName: string },
): FastifyReply {
  return reply
    .header('content-disposition', `attachment; filename="${file.fileName}"`)
    .header('cache-control', 'no-store')
    .type(file.mediaType)
    .serializer((content: unknown) => content as string)
    .send(Buffer.from(file.content));
}

export function certificateRoutes(base: FastifyInstance, { services, platform, filesRoot }: GatewayContext): void {
  const app = base.withTypeProvider<ZodTypeProvider>();
  const tags = ['certificates'];

  app.get(
    '/certificates',
    {
      config: { scope: 'read' },
      schema: { tags, summary: 'List certificates', querystring: listQuery, response: { 200: listOf(certificate) } },
    },
    async (request) => {
      const { q: text, ...query } = request.query;
      const found = await services.certificates.listCertificates({ ...query, text }, callOptions(request));
      return pageToJson(found, (one) => certificateToJson(one));
    },
  );
  app.get(
    '/certificates/:id',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'Get a certificate with its known chain',
        params: idParams,
        response: { 200: certificate },
      },
    },
    async (request) =>
      certificateToJson(
        (await services.certificates.getCertificate(request.params, callOptions(request))).certificate!,
        true,
      ),
  );
  app.patch(
    '/certificates/:id',
    {
      config: { scope: 'write' },
      schema: {
        tags,
        summary: 'Change name, notes, metadata, tags, or enable and disable',
        params: idParams,
        body: certificatePatch,
        response: { 200: certificate },
      },
    },
    async (request) => {
      const { metadata, tags: newTags, ...rest } = request.body;
      const change = {
        ...request.params,
        ...rest,
        metadata: metadata && { values: metadata },
        tags: newTags && { values: newTags },
      };
      return certificateToJson(
        (await services.certificates.updateCertificate(change, callOptions(request))).certificate!,
      );
    },
  );
  app.delete(
    '/certificates/:id',
    {
      config: { scope: 'write' },
      schema: {
        tags,
        summary: 'Delete a certificate and its private key',
        params: idParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await services.certificates.deleteCertificate(request.params, callOptions(request));
      return await reply.code(204).send(null);
    },
  );
  app.get(
    '/certificates/:id/download',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'Download without the key',
        params: idParams,
        querystring: z.object({
          format: z
            .enum(['pem', 'chain', 'issuers', 'der', 'p7b'])
            .default('pem')
            .describe('chain and p7b carry the certificate and its known issuers, issuers only those'),
        }),
      },
    },
    async (request, reply) =>
      sendFile(
        reply,
        await services.exports.exportCertificate(
          { ...request.params, format: EXPORTS[request.query.format] },
          callOptions(request),
        ),
      ),
  );
  app.get(
    '/certificates/:id/validate',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'Say what is wrong with a certificate now: its dates, its issuer, and the file it was taken from',
        params: idParams,
        response: { 200: validation },
      },
    },
    async (request) => {
      const { certificate } = await services.certificates.getCertificate(request.params, callOptions(request));
      const found = await validateCertificate(certificate!, { now: platform.clock.now(), filesRoot });
      return { valid: found.errors.length === 0, ...found };
    },
  );
  app.get(
    '/metadata-fields',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'Every key that was used in metadata',
        response: { 200: listOf(z.object({ number: z.number(), name: z.string() })) },
      },
    },
    async (request) => ({ items: (await services.metadataFields.listMetadataFields({}, callOptions(request))).fields }),
  );
  app.post(
    '/certificates/:id/download',
    {
      config: { scope: 'keys' },
      schema: {
        tags,
        summary: 'Download with the key, encrypted under a password or, if that is asked for, in the clear',
        params: idParams,
        body: keyDownload,
      },
    },
    async (request, reply) => {
      const { format, ...protection } = request.body;
      return sendFile(
        reply,
        await services.exports.exportPrivateKey(
          { ...request.params, format: KEY_EXPORTS[format], ...protection },
          callOptions(request),
        ),
      );
    },
  );
}
