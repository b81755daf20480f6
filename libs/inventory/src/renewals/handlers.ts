import { inventoryV1 } from '@certferry/contracts';
import { toCertificate } from '../certificates/mapping.ts';
import { decideLink, type DecisionContext } from './decide-link.ts';
import { findSuccessors } from './find-successors.ts';
import { listReplaced } from './lineage.ts';
import { resolveName } from './resolve-name.ts';

const { PrivateKeyWish } = inventoryV1;

const WISHES = {
  [PrivateKeyWish.UNSPECIFIED]: 'any',
  [PrivateKeyWish.PREFERRED]: 'preferred',
  [PrivateKeyWish.REQUIRED]: 'required',
} as const;

export function createReplacementHandlers(context: DecisionContext): inventoryV1.ReplacementServiceImplementation {
  return {
    async linkCertificate({ certificateId, replacesCertificateId }) {
      // Which is none is not a way to unlink.
      const older = await context.certificates.get(replacesCertificateId);
      return { certificate: toCertificate(await decideLink(context, certificateId, older._id)) };
    },

    async unlinkCertificate({ certificateId }) {
      return { certificate: toCertificate(await decideLink(context, certificateId, '')) };
    },

    async listReplaced({ certificateId }) {
      const found = await listReplaced(context, await context.certificates.get(certificateId));
      return { items: found.map((one) => toCertificate(one)) };
    },

    async findSuccessors({ held }) {
      const found = await findSuccessors(context, held);
      const items = found.map(({ held: one, certificate, successor }) => ({
        held: one,
        certificate: toCertificate(certificate),
        successor: toCertificate(successor),
      }));
      return { items };
    },

    async resolveName({ name, privateKey }) {
      return { certificate: toCertificate(await resolveName(context, name, WISHES[privateKey])) };
    },
  };
}
