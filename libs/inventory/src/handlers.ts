import { invalid, notFound, raise, type Clock } from '@certferry/core';
import { inventoryV1, type deploymentV1, type parserV1 } from '@certferry/contracts';
import type { Numbers } from '@certferry/database';
import { callContext, serve, type Client, type ServedService } from '@certferry/rpc';
import type { SecretKeeper } from '@certferry/secrets';
import { bulkImportHandlers, enrollmentProfileHandlers } from './bulk-imports/handlers.ts';
import type { BulkContext } from './bulk-imports/start-bulk-import.ts';
import { changedFields, checkDescription, type Certificate } from './certificates/certificate.ts';
import { parseFilter, parseText } from './certificates/certificate-filter.ts';
import type { Certificates } from './certificates/certificates.ts';
import { resolveChain } from './certificates/chain.ts';
import { exportCertificate, type ExportFormat } from './exports/export-certificate.ts';
import { exportPrivateKey, openPrivateKey, type KeyFormat } from './exports/export-private-key.ts';
import {
  changeEvent,
  descriptionUpdate,
  importCertificates,
  type ImportContext,
} from './imports/import-certificates.ts';
import type { Imports } from './imports/imports.ts';
import type { MetadataFields } from './metadata-fields/metadata-fields.ts';
import { createLocationHandlers } from './locations/handlers.ts';
import { toCertificate, toImport, toWholeCertificate } from './certificates/mapping.ts';

export interface InventoryContext {
  certificates: Certificates;
  imports: Imports;
  numbers: Numbers;
  metadataFields: MetadataFields;
  bulk: BulkContext;
  parser: Client<typeof parserV1.ParserServiceDefinition>;
  stores: Client<typeof deploymentV1.StoreServiceDefinition>;
  jobs: Client<typeof deploymentV1.JobServiceDefinition>;
  secrets: SecretKeeper;
  clock: Clock;
  /** Called when events were saved. */
  saved: () => void;
}

export function createHandlers(context: InventoryContext): ServedService[] {
  return [
    serve(inventoryV1.CertificateServiceDefinition, certificateHandlers(context)),
    serve(inventoryV1.ImportServiceDefinition, importHandlers(context)),
    serve(inventoryV1.ExportServiceDefinition, exportHandlers(context)),
    serve(inventoryV1.MaterialServiceDefinition, materialHandlers(context)),
    serve(inventoryV1.LocationServiceDefinition, createLocationHandlers(context)),
    serve(inventoryV1.MetadataFieldServiceDefinition, {
      listMetadataFields: async () => ({ fields: await context.metadataFields.list() }),
    }),
    serve(inventoryV1.EnrollmentProfileServiceDefinition, enrollmentProfileHandlers(context.bulk)),
    serve(inventoryV1.BulkImportServiceDefinition, bulkImportHandlers(context.bulk)),
  ];
}

const findIn =
  ({ certificates }: Pick<InventoryContext, 'certificates'>) =>
  async (id: string): Promise<Certificate> =>
    (await certificates.find(id)) ?? raise(notFound('certificate', id));

function importHandlers(context: InventoryContext): inventoryV1.ImportServiceImplementation {
  const { imports, parser } = context;
  const open: ImportContext['open'] = (container) => parser.open(container);
  return {
    async importCertificates({ metadata, tags, ...request }) {
      const caller = callContext().principal.id;
      return {
        import: toImport(
          await importCertificates(
            { ...context, open },
            { ...request, caller, metadata: metadata?.values, tags: tags?.values },
          ),
        ),
      };
    },

    async getImport({ id }) {
      return { import: toImport((await imports.find(id)) ?? raise(notFound('import', id))) };
    },
  };
}

function exportHandlers(context: InventoryContext): inventoryV1.ExportServiceImplementation {
  const { certificates, secrets, parser } = context;
  const find = findIn(context);
  return {
    async exportCertificate({ id, format }) {
      const name =
        EXPORT_FORMATS[format] ??
        raise(invalid('INVALID_FIELD', 'format must be pem, chain, issuers, der or p7b.', { field: 'format' }));
      return await exportCertificate(certificates, await find(id), name);
    },

    async exportPrivateKey({ id, format, password, unencrypted }) {
      const name =
        KEY_FORMATS[format] ??
        raise(
          invalid('INVALID_FIELD', 'format must be pem, key, traditional, p12, p12-legacy or jks.', {
            field: 'format',
          }),
        );
      const as = { format: name, password, unencrypted };
      return await exportPrivateKey({ certificates, secrets, parser }, await find(id), as);
    },
  };
}

function materialHandlers(context: InventoryContext): inventoryV1.MaterialServiceImplementation {
  const { certificates, secrets } = context;
  const find = findIn(context);
  return {
    async getCertificateMaterial({ id, includePrivateKey }) {
      const certificate = await find(id);
      const chain = await resolveChain(certificates, certificate);
      const privateKey = includePrivateKey ? await openPrivateKey(certificates, secrets, certificate) : undefined;
      return {
        certificate: toCertificate(certificate),
        der: certificate.der,
        chain: chain.map(({ der }) => der),
        privateKey,
      };
    },
  };
}

function certificateHandlers(context: InventoryContext): inventoryV1.CertificateServiceImplementation {
  const { certificates, metadataFields, clock, saved } = context;
  const find = findIn(context);
  return {
    async getCertificate({ id }) {
      const certificate = await find(id);
      return { certificate: toWholeCertificate(certificate, await resolveChain(certificates, certificate)) };
    },

    async listCertificates({ filter, text, includeDer, ...query }) {
      const { items, nextCursor, total } = await certificates.list({
        ...query,
        filter: [parseFilter(filter, clock.now()), parseText(text)],
      });
      const toItem = (certificate: Certificate) => ({
        ...toCertificate(certificate),
        ...(includeDer && { der: certificate.der }),
      });
      return { items: items.map(toItem), nextCursor, total };
    },

    async updateCertificate({ id, name, notes, metadata, tags, enabled }) {
      const description = { name, notes, metadata: metadata?.values, tags: tags?.values };
      checkDescription(description);
      await metadataFields.note(Object.keys(description.metadata ?? {}));
      for (;;) {
        const certificate = await find(id);
        const changes = changedFields(certificate, description);
        if (enabled !== undefined && enabled !== certificate.enabled) changes.push('enabled');
        if (changes.length === 0) return { certificate: toCertificate(certificate) };
        const set = {
          ...descriptionUpdate(certificate, description, clock.now()),
          ...(enabled !== undefined && { enabled }),
        };
        const event = changeEvent('updated', certificate, { time: clock.now(), changes });
        if (!(await certificates.update(certificate, set, event))) continue;
        saved();
        return { certificate: toCertificate({ ...certificate, ...set }) };
      }
    },

    async deleteCertificate({ id }) {
      const certificate = await find(id);
      const event = changeEvent('deleted', certificate, { time: clock.now(), changes: [] });
      if (!(await certificates.delete(id, event))) throw notFound('certificate', id);
      saved();
      return {};
    },
  };
}

const EXPORT_FORMATS: Partial<Record<inventoryV1.ExportFormat, ExportFormat>> = {
  [inventoryV1.ExportFormat.PEM]: 'pem',
  [inventoryV1.ExportFormat.CHAIN]: 'chain',
  [inventoryV1.ExportFormat.ISSUERS]: 'issuers',
  [inventoryV1.ExportFormat.DER]: 'der',
  [inventoryV1.ExportFormat.P7B]: 'p7b',
};

const KEY_FORMATS: Partial<Record<inventoryV1.PrivateKeyFormat, KeyFormat>> = {
  [inventoryV1.PrivateKeyFormat.PEM]: 'pem',
  [inventoryV1.PrivateKeyFormat.KEY]: 'key',
  [inventoryV1.PrivateKeyFormat.TRADITIONAL]: 'traditional',
  [inventoryV1.PrivateKeyFormat.P12]: 'p12',
  [inventoryV1.PrivateKeyFormat.P12_LEGACY]: 'p12-legacy',
  [inventoryV1.PrivateKeyFormat.JKS]: 'jks',
};
