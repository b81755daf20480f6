import { parserV1 } from '@certferry/contracts';
import type { Container } from './container.ts';

/** Container -> InspectResponse: everything but the keys' bytes. */
export function toInspection(container: Container): parserV1.InspectResponse {
  return {
    format: parserV1.ContainerFormat[container.format],
    certificates: container.certificates.map(({ index, der, facts, alias, key, trusted }) => ({
      index,
      der,
      facts,
      alias,
      key,
      trusted: trusted ?? false,
    })),
    keys: container.keys.map(({ index, key, encrypted, alias }) => ({
      index,
      algorithm: key.algorithm,
      size: key.size,
      publicKeySha256: key.publicKeySha256,
      encrypted,
      alias,
    })),
    failures: container.failures,
    notices: container.notices,
  };
}
