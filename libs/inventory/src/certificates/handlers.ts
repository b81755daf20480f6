import type { inventoryV1 } from '@certferry/contracts';
import { resolveChain } from './chain.ts';
import { deleteCertificate, type DeleteContext } from './delete-certificate.ts';
import { listCertificates } from './list-certificates.ts';
import { fromUpdate, toCertificate, toListedCertificate, toWholeCertificate } from './mapping.ts';
import { updateCertificate, type UpdateContext } from './update-certificate.ts';

export function createCertificateHandlers(
  context: UpdateContext & DeleteContext,
): inventoryV1.CertificateServiceImplementation {
  const { certificates } = context;
  return {
    async getCertificate({ id }) {
      const certificate = await certificates.get(id);
      return { certificate: toWholeCertificate(certificate, await resolveChain(certificates, certificate)) };
    },

    async listCertificates({ includeDer, ...search }) {
      const { items, ...page } = await listCertificates(context, search);
      return { ...page, items: items.map((certificate) => toListedCertificate(certificate, { includeDer })) };
    },

    async updateCertificate({ id, ...update }) {
      return { certificate: toCertificate(await updateCertificate(context, id, fromUpdate(update))) };
    },

    async deleteCertificate(request) {
      await deleteCertificate(context, request);
      return {};
    },
  };
}
