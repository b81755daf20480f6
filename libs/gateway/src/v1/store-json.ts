import type { deploymentV1 } from '@certferry/contracts';
import { aliasRule, storeOperation, type Store, type StoreEntry, type StoreKind } from '@certferry/rest';
import { factsToJson } from './certificate-json.ts';
import { iso } from './json-values.ts';

export const storeKindToJson = ({ operations, alias, configSchema, ...rest }: deploymentV1.StoreKind): StoreKind => ({
  ...rest,
  operations: operations.map((one) => storeOperation.parse(one)),
  alias: aliasRule.parse(alias),
  configSchema: configSchema ?? {},
});

export const storeToJson = ({ config, createdAt, updatedAt, ...rest }: deploymentV1.Store): Store => ({
  ...rest,
  config: config ?? {},
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt),
});

const entryCertificateToJson = ({ der, facts }: deploymentV1.EntryCertificate) => ({
  ...factsToJson(facts!),
  der: Buffer.from(der).toString('base64'),
});

export const entryToJson = ({ notAfter, certificate, chain, ...rest }: deploymentV1.StoreEntry): StoreEntry => ({
  ...rest,
  notAfter: iso(notAfter),
  certificate: entryCertificateToJson(certificate!),
  chain: chain.map(entryCertificateToJson),
});
