import { deploymentV1 } from '@certferry/contracts';
import {
  aliasRule,
  renewalMode,
  storeEndpoints,
  storeOperation,
  storePolicy,
  type RenewalChoice,
  type RenewalMode,
  type Store,
  type storeDraft,
  type StoreEntry,
  type StoreKind,
} from '@certferry/rest';
import { factsToJson } from './certificate-json.ts';
import type { z } from 'zod';
import { iso, present } from './json-values.ts';

const MODES: Record<RenewalMode, deploymentV1.RenewalMode> = {
  automatic: deploymentV1.RenewalMode.AUTOMATIC,
  ask: deploymentV1.RenewalMode.ASK,
  never: deploymentV1.RenewalMode.NEVER,
};

export const modeToJson = (mode: deploymentV1.RenewalMode): RenewalMode =>
  renewalMode.options.find((one) => MODES[one] === mode)!;

const renewalToJson = ({ mode, leadTimeDays }: deploymentV1.RenewalChoice): RenewalChoice => ({
  mode: modeToJson(mode),
  leadTimeDays,
});

export const renewalFromJson = ({ mode, leadTimeDays }: RenewalChoice) => ({ mode: MODES[mode], leadTimeDays });

export const draftFromJson = ({ renewal, ...draft }: z.output<typeof storeDraft>) => ({
  ...draft,
  renewal: renewal && renewalFromJson(renewal),
});

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
  renewal,
  ...rest
}: deploymentV1.Store): Store => ({
  ...rest,
  ...(endpoints && { endpoints: endpointsToJson(endpoints) }),
  ...(renewal && { renewal: renewalToJson(renewal) }),
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
