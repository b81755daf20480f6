import type { inventoryV1 } from '@certferry/contracts';
import { findReplacedBy } from '../renewals/lineage.ts';
import { Replacements } from '../renewals/replacements.ts';
import { resolveChain } from './chain.ts';
import type { Certificate } from './certificate.ts';
import { deleteCertificate, type DeleteContext } from './delete-certificate.ts';
import { listCertificates } from './list-certificates.ts';
import { fromUpdate, toCertificate, toListedCertificate, toWholeCertificate } from './mapping.ts';
import { updateCertificate, type UpdateContext } from './update-certificate.ts';

export function createCertificateHandlers(
  context: UpdateContext & DeleteContext,
): inventoryV1.CertificateServiceImplementation {
  const { certificates } = context;
  const replacements = new Replacements(certificates);
  const replacedBy = async (...ids: string[]) => await findReplacedBy(replacements, ids);
  return {
    async getCertificate({ id }) {
      const certificate = await certificates.get(id);
      const chain = await resolveChain(certificates, certificate);
      return { certificate: toWholeCertificate(certificate, { chain, replacedBy: (await replacedBy(id)).get(id) }) };
    },

    async listCertificates({ includeDer, ...search }) {
      const { items, ...page } = await listCertificates(context, search);
      const replaced = await replacedBy(...items.map(({ _id }) => _id));
      const toListed = (one: Certificate) =>
        toListedCertificate(one, { includeDer, replacedBy: replaced.get(one._id) });
      return { ...page, items: items.map(toListed) };
    },

    async updateCertificate({ id, ...update }) {
      const updated = await updateCertificate(context, id, fromUpdate(update));
      return { certificate: toCertificate(updated, (await replacedBy(id)).get(id)) };
    },

    async deleteCertificate(request) {
      await deleteCertificate(context, request);
      return {};
    },
  };
}
