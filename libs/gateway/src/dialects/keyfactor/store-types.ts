import { invalid } from '@certferry/core';
import { DRIVERS, type KeyfactorStoreType } from '@certferry/store-drivers';
import { HttpError } from '../../problem.ts';
import type { FastifyInstance } from 'fastify';

/** A store type of Keyfactor's and the kind of store that it is here. */
export interface StoreType extends KeyfactorStoreType {
  kind: string;
  alias: 'Forbidden' | 'Required';
}

/** Every store type, in the order of Keyfactor's numbers. */
export const STORE_TYPES: readonly StoreType[] = DRIVERS.flatMap(({ kind, alias, keyfactorType }): StoreType[] =>
  keyfactorType ? [{ ...keyfactorType, kind, alias: alias === 'none' ? 'Forbidden' : 'Required' }] : [],
).sort((a, b) => a.id - b.id);

export const typeOfKind = (kind: string): StoreType | undefined => STORE_TYPES.find((one) => one.kind === kind);

/** INVALID_FIELD with the types there are. */
export function findType(id: number): StoreType {
  const type = STORE_TYPES.find((one) => one.id === id);
  if (type) return type;
  const known = STORE_TYPES.map((one) => `${one.id} (${one.shortName})`).join(', ');
  throw invalid('INVALID_FIELD', `There is no certificate store type ${id}; there are ${known}.`);
}

/** Words, not numbers, for the enums: official clients declare them as text. */
function toKeyfactorType(type: StoreType): object {
  return {
    Name: type.name,
    ShortName: type.shortName,
    Capability: type.shortName,
    StoreType: type.id,
    ImportType: type.id,
    LocalStore: false,
    SupportedOperations: { Add: true, Create: true, Discovery: false, Enrollment: false, Remove: true },
    Properties: type.properties.map((property) => ({
      StoreTypeId: type.id,
      Name: property.name,
      DisplayName: property.displayName,
      Type: property.type,
      DependsOn: '',
      DefaultValue: property.default,
      Required: false,
    })),
    EntryParameters: [],
    PasswordOptions: { EntrySupported: false, StoreRequired: type.password, Style: 'Default' },
    StorePathType: '',
    StorePathValue: '',
    PrivateKeyAllowed: 'Optional',
    CustomAliasAllowed: type.alias,
    JobProperties: [],
    ServerRequired: false,
    PowerShell: false,
    BlueprintAllowed: false,
  };
}

export function addStoreTypeRoutes(app: FastifyInstance): void {
  const config = { scope: 'read' } as const;
  app.get('/CertificateStoreTypes', { config }, async (_request, reply) => {
    reply.header('x-total-count', STORE_TYPES.length);
    return await Promise.resolve(STORE_TYPES.map(toKeyfactorType));
  });
  app.get('/CertificateStoreTypes/:id', { config }, async (request) => {
    const { id } = request.params as { id: string };
    const type = STORE_TYPES.find((one) => String(one.id) === id);
    if (!type) throw new HttpError(404, 'NO_SUCH_TYPE', `There is no certificate store type ${id}.`);
    return await Promise.resolve(toKeyfactorType(type));
  });
  // An array, of one: so the API's description says, and so clients read it.
  app.get('/CertificateStoreTypes/Name/:name', { config }, async (request) => {
    const { name } = request.params as { name: string };
    const found = STORE_TYPES.filter((one) => one.shortName.toLowerCase() === name.toLowerCase());
    if (found.length === 0) throw new HttpError(404, 'NO_SUCH_TYPE', `There is no certificate store type "${name}".`);
    return await Promise.resolve(found.map(toKeyfactorType));
  });
}
