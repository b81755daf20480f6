import type { deploymentV1 } from '@certferry/contracts';
import { AGENT_ID, AGENT_MACHINE } from './server.ts';
import { STORE_TYPES, typeOfKind, type StoreType } from './store-types.ts';

/** Labels that keep what Keyfactor says of a store and we do not need. */
export const LABEL = {
  type: 'keyfactor.type',
  clientMachine: 'keyfactor.clientMachine',
  storePath: 'keyfactor.storePath',
  property: 'keyfactor.property.',
} as const;

export interface KeyfactorStore {
  Id: string;
  DisplayName: string;
  ClientMachine: string;
  Storepath: string;
  CertStoreType: number;
  Approved: boolean;
  CreateIfMissing: boolean;
  Properties: string;
  AgentId: string;
  AgentAssigned: boolean;
  ContainerName: string;
  SetNewPasswordAllowed: boolean;
  Password: object;
}

/** The type that a store was made as, else the one of its kind; undefined for kinds that Keyfactor has no type for. */
export function typeOf({ kind, labels }: deploymentV1.Store): StoreType | undefined {
  return STORE_TYPES.find((type) => type.shortName === labels[LABEL.type]) ?? typeOfKind(kind);
}

/** A store as Keyfactor writes it; its secrets are not in it. */
export function toKeyfactorStore(store: deploymentV1.Store): KeyfactorStore {
  const { id, labels, config = {} } = store;
  const type = typeOf(store);
  const machine = labels[LABEL.clientMachine] ?? AGENT_MACHINE;
  const path = labels[LABEL.storePath] ?? type?.pathOf(config) ?? '';
  const kept = Object.entries(labels).filter(([key]) => key.startsWith(LABEL.property));
  const properties = {
    ...type?.propertiesOf(config),
    ...Object.fromEntries(kept.map(([key, value]) => [key.slice(LABEL.property.length), value])),
  };
  return {
    Id: id,
    DisplayName: `${machine} - ${path}`,
    ClientMachine: machine,
    Storepath: path,
    CertStoreType: type?.id ?? 0,
    Approved: true,
    CreateIfMissing: true,
    Properties: JSON.stringify(properties),
    AgentId: AGENT_ID,
    AgentAssigned: true,
    ContainerName: '',
    SetNewPasswordAllowed: type?.password ?? false,
    Password: {
      Value: null,
      SecretTypeGuid: '',
      InstanceId: null,
      InstanceGuid: null,
      ProviderTypeParameterValues: [],
      ProviderId: null,
      IsManaged: false,
      HasValue: type?.password ?? false,
    },
  };
}
