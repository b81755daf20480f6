import type { inventoryV1 } from '@certferry/contracts';
import { toCertificate } from '../certificates/mapping.ts';
import type { CertificateMaterial } from './get-certificate-material.ts';

export const toMaterial = ({
  certificate,
  chain,
  privateKey = Buffer.alloc(0),
}: CertificateMaterial): inventoryV1.GetCertificateMaterialResponse => ({
  certificate: toCertificate(certificate),
  der: certificate.der,
  chain: chain.map(({ der }) => der),
  privateKey,
});
