import type { deploymentV1 } from '@certferry/contracts';
import {
  aliasRule,
  storeEndpoints,
  storeOperation,
  storePolicy,
  type Store,
  type StoreEntry,
  type StoreKind,
} from '@certferry/rest';
import { factsToJson } from './certificate-json.ts';
import { iso, present } from './json-values.ts';

export const storeKindToJson = ({ operations, alias, configSchema, ...rest }: deploymentV1.StoreKind): StoreKind => ({
  ...rest,
  operations: operations.map((one) => storeOperation.parse(one)),
  alias: aliasRule.parse(alias),
  configSchema: configSchema ?? {},
});

const endpointsToJson = ({ items, ...rest }: deploymentV1.StoreEndpoints) =>
  storeEndpoints.parse({
    ...rest,
    items: items.map(({ address, serverName, alias }) => ({
      address,
      serverName: present(serverName),
      alias: present(alias),
    })),
  });

export const storeToJson = ({
  config,
  policy,
  createdAt,
  updatedAt,
  endpoints,
  ...rest
}: deploymentV1.Store): Store => ({
  ...rest,
  ...(endpoints && { endpoints: endpointsToJson(endpoints) }),
  config: config ?? {},
  policy: storePolicy.parse(policy),
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
