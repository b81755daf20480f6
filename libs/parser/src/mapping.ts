import * as parserV1 from '@certferry/contracts/parser/v1';
import {
  ifReadable,
  readCertificate,
  type KeystoreEdit,
  type KeystoreType,
  type ListedKeystore,
} from '@certferry/x509';
import { invalid, raise } from '@certferry/core';
import type { Container } from './container.ts';

const KEYSTORE_TYPES: Partial<Record<parserV1.KeystoreType, KeystoreType>> = {
  [parserV1.KeystoreType.PKCS12]: 'pkcs12',
  [parserV1.KeystoreType.PKCS12_LEGACY]: 'pkcs12-legacy',
  [parserV1.KeystoreType.JKS]: 'jks',
};

/** INVALID_FIELD for a type that is none. */
export const fromKeystoreType = (type: parserV1.KeystoreType): KeystoreType =>
  KEYSTORE_TYPES[type] ??
  raise(invalid('INVALID_FIELD', 'type must be PKCS12, PKCS12_LEGACY or JKS.', { field: 'type' }));

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

const LISTED_TYPES = {
  modern: parserV1.KeystoreType.PKCS12,
  legacy: parserV1.KeystoreType.PKCS12_LEGACY,
} as const;

export function toListKeystoreResponse(listed: ListedKeystore): parserV1.ListKeystoreResponse {
  const { type, profile, password, entries } = listed;
  const isJks = type === 'jks';
  return {
    format: isJks ? parserV1.ContainerFormat.JKS : parserV1.ContainerFormat.PKCS12,
    type: isJks ? parserV1.KeystoreType.JKS : profile && LISTED_TYPES[profile],
    password,
    entries: entries.map(({ alias, certificates, key }) => ({
      alias,
      certificates: certificates.map((der) => ({ der, facts: ifReadable(() => readCertificate(der)) })),
      hasPrivateKey: key !== 'none',
      locked: key === 'locked',
    })),
  };
}

/** INVALID_FIELD for an edit that is none. */
export function fromEdit(edit: parserV1.KeystoreEdit['edit']): KeystoreEdit {
  if (edit?.$case === 'put') return { put: edit.value };
  if (edit?.$case === 'remove') return { remove: edit.value.alias };
  throw invalid('INVALID_FIELD', 'An edit is put or remove.', { field: 'edits' });
}
