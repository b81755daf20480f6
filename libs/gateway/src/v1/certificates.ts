import { inventoryV1 } from '@certferry/contracts';
import type { certificateOperations, ExportFormat, KeyFormat } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import { validateCertificate } from '../validate-certificate.ts';
import { certificateToJson, locationToJson } from './certificate-json.ts';
import { pageToJson } from './json-values.ts';
import type { Routes } from './route.ts';

const EXPORTS: Record<ExportFormat, inventoryV1.ExportFormat> = {
  pem: inventoryV1.ExportFormat.PEM,
  chain: inventoryV1.ExportFormat.CHAIN,
  issuers: inventoryV1.ExportFormat.ISSUERS,
  der: inventoryV1.ExportFormat.DER,
  p7b: inventoryV1.ExportFormat.P7B,
};
const KEY_EXPORTS: Record<KeyFormat, inventoryV1.PrivateKeyFormat> = {
  pem: inventoryV1.PrivateKeyFormat.PEM,
  key: inventoryV1.PrivateKeyFormat.KEY,
  traditional: inventoryV1.PrivateKeyFormat.TRADITIONAL,
  p12: inventoryV1.PrivateKeyFormat.P12,
  'p12-legacy': inventoryV1.PrivateKeyFormat.P12_LEGACY,
  jks: inventoryV1.PrivateKeyFormat.JKS,
};

export const certificateRoutes = ({
  services,
  platform,
  filesRoot,
}: GatewayContext): Routes<typeof certificateOperations> => ({
  listCertificates: {
    scope: 'read',
    handler: async (request) => {
      const { q: text, ...query } = request.query;
      const found = await services.certificates.listCertificates({ ...query, text });
      return pageToJson(found, (one) => certificateToJson(one));
    },
  },
  getCertificate: {
    scope: 'read',
    handler: async (request) =>
      certificateToJson((await services.certificates.getCertificate(request.params)).certificate!, true),
  },
  updateCertificate: {
    scope: 'write',
    handler: async (request) => {
      const { metadata, tags, ...rest } = request.body;
      const change = {
        ...request.params,
        ...rest,
        metadata: metadata && { values: metadata },
        tags: tags && { values: tags },
      };
      return certificateToJson((await services.certificates.updateCertificate(change)).certificate!);
    },
  },
  deleteCertificate: {
    scope: 'write',
    statedReason: ({ query: { force } }) => (force ? 'force' : undefined),
    handler: async (request) =>
      void (await services.certificates.deleteCertificate({ ...request.params, force: request.query.force })),
  },
  downloadCertificate: {
    scope: 'read',
    handler: async (request) => {
      const format = EXPORTS[request.query.format];
      return await services.exports.exportCertificate({ ...request.params, format });
    },
  },
  downloadPrivateKey: {
    scope: 'keys',
    handler: async (request) => {
      const { format: name, ...protection } = request.body;
      const format = KEY_EXPORTS[name];
      return await services.exports.exportPrivateKey({ ...request.params, format, ...protection });
    },
  },
  validateCertificate: {
    scope: 'read',
    handler: async (request) => {
      const { certificate } = await services.certificates.getCertificate(request.params);
      const found = await validateCertificate(certificate!, { now: platform.clock.now(), filesRoot });
      return { valid: found.errors.length === 0, ...found };
    },
  },
  listCertificateLocations: {
    scope: 'read',
    handler: async (request) => {
      const { verify } = request.query;
      const { items } = await services.locations.listLocations({ certificateId: request.params.id, verify });
      return { items: items.map(locationToJson) };
    },
  },
  linkCertificate: {
    scope: 'write',
    handler: async (request) => {
      const asked = { certificateId: request.params.id, replacesCertificateId: request.body.certificateId };
      return certificateToJson((await services.replacements.linkCertificate(asked)).certificate!);
    },
  },
  unlinkCertificate: {
    scope: 'write',
    handler: async (request) => {
      const asked = { certificateId: request.params.id };
      return certificateToJson((await services.replacements.unlinkCertificate(asked)).certificate!);
    },
  },
  listMetadataFields: {
    scope: 'read',
    handler: async () => ({
      items: (await services.metadataFields.listMetadataFields({})).fields,
    }),
  },
});
