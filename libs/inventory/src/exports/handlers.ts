import type { inventoryV1 } from '@certferry/contracts';
import { exportCertificate } from './export-certificate.ts';
import { exportPrivateKey, type KeyExportContext } from './export-private-key.ts';
import { fromExportFormat, fromPrivateKeyFormat } from './mapping.ts';

export function createExportHandlers(context: KeyExportContext): inventoryV1.ExportServiceImplementation {
  const { certificates } = context;
  return {
    async exportCertificate({ id, format }) {
      const as = fromExportFormat(format);
      return await exportCertificate(certificates, await certificates.get(id), as);
    },

    async exportPrivateKey({ id, format, password, unencrypted }) {
      const as = { format: fromPrivateKeyFormat(format), password, unencrypted };
      return await exportPrivateKey(context, await certificates.get(id), as);
    },
  };
}
