import type { inventoryV1 } from '@certferry/contracts';
import { getCertificateMaterial, type MaterialContext } from './get-certificate-material.ts';
import { toMaterial } from './mapping.ts';

export function createMaterialHandlers(context: MaterialContext): inventoryV1.MaterialServiceImplementation {
  return {
    getCertificateMaterial: async (request) => toMaterial(await getCertificateMaterial(context, request)),
  };
}
