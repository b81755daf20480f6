import * as parserV1 from '@certferry/contracts/parser/v1';
import type { KeystoreType } from '@certferry/x509';
import type { Container } from './container.ts';

export const KEYSTORE_TYPES: Partial<Record<parserV1.KeystoreType, KeystoreType>> = {
  [parserV1.KeystoreType.PKCS12]: 'pkcs12',
  [parserV1.KeystoreType.PKCS12_LEGACY]: 'pkcs12-legacy',
  [parserV1.KeystoreType.JKS]: 'jks',
};

/** Container -> InspectResponse: everything but the keys' bytes. */
export function toInspection(container: Container): parserV1.InspectResponse {
  return {
    format: parserV1.ContainerFormat[container.format],
    certificates: container.certificates.map(({ index, der, facts, alias, key, trusted, file }) => ({
      index,
      der,
      facts,
      alias,
      key,
      trusted: trusted ?? false,
      file,
    })),
    keys: container.keys.map(({ index, key, encrypted, alias, file }) => ({
      index,
      algorithm: key.algorithm,
      size: key.size,
      publicKeySha256: key.publicKeySha256,
      publicKeyBitsSha256: key.publicKeyBitsSha256,
      encrypted,
      alias,
      file,
    })),
    failures: container.failures,
    notices: container.notices,
    chains: container.chains,
  };
}

/** Container -> OpenResponse: with the keys' bytes. */
export const toOpenResponse = (container: Container): parserV1.OpenResponse => ({
  inspection: toInspection(container),
  privateKeys: container.keys.map(({ key }) => key.pkcs8),
});
