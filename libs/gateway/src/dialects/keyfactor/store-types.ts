import { invalid } from '@certferry/core';
import { HttpError } from '../../problem.ts';
import type { FastifyInstance } from 'fastify';

/** A store type of Keyfactor's and the kind of store that it is here. */
export interface StoreType {
  id: number;
  name: string;
  shortName: string;
  kind: string;
  alias: 'Forbidden' | 'Required';
  /** Whether a store has a password. */
  password: boolean;
  /** Our config for a store of this type; INVALID_STORE_CONFIG for what is not supported. */
  toConfig(store: { path: string; password?: string; properties: Map<string, string> }): Record<string, unknown>;
  /** The path that clients know a store by. */
  pathOf(config: Record<string, unknown>): string;
  /** Properties that follow from a config that was not made by this dialect. */
  propertiesOf(config: Record<string, unknown>): Record<string, string>;
  properties: { name: string; displayName: string; type: 'String' | 'Bool' | 'Secret'; default: string }[];
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const isTrue = (value: string | undefined): boolean => value?.toLowerCase() === 'true';

const separateKey = {
  name: 'SeparatePrivateKeyFilePath',
  displayName: 'Separate Private Key File Location',
  type: 'String' as const,
  default: '',
};

const rfPem: StoreType = {
  id: 102,
  name: 'RFPEM',
  shortName: 'RFPEM',
  kind: 'pem',
  alias: 'Forbidden',
  password: false,
  toConfig({ path, properties }) {
    if (isTrue(properties.get('istruststore')))
      throw invalid(
        'INVALID_STORE_CONFIG',
        'PEM trust stores of many certificates (IsTrustStore) are not supported yet.',
      );
    const keyPath = properties.get('separateprivatekeyfilepath');
    const withChain = isTrue(properties.get('includeschain'));
    if (keyPath) return { [withChain ? 'fullChainPath' : 'certificatePath']: path, keyPath };
    return { combinedPath: path, ...(!withChain && { combinedWithoutChain: true }) };
  },
  pathOf: ({ fullChainPath, certificatePath, combinedPath }) =>
    text(fullChainPath) || text(certificatePath) || text(combinedPath),
  propertiesOf: ({ fullChainPath, combinedPath, combinedWithoutChain, keyPath }) => ({
    IsTrustStore: 'false',
    IncludesChain: String(fullChainPath !== undefined || (combinedPath !== undefined && combinedWithoutChain !== true)),
    ...(keyPath !== undefined && { SeparatePrivateKeyFilePath: text(keyPath) }),
  }),
  properties: [
    { name: 'IsTrustStore', displayName: 'Trust Store', type: 'Bool', default: 'false' },
    { name: 'IncludesChain', displayName: 'Store Includes Chain', type: 'Bool', default: 'false' },
    separateKey,
  ],
};

const rfPkcs12: StoreType = {
  id: 103,
  name: 'RFPkcs12',
  shortName: 'RFPkcs12',
  kind: 'pkcs12',
  alias: 'Required',
  password: true,
  toConfig: ({ path, password }) => ({ path, password }),
  pathOf: ({ path }) => text(path),
  propertiesOf: () => ({}),
  properties: [],
};

const rfDer: StoreType = {
  id: 104,
  name: 'RFDER',
  shortName: 'RFDER',
  kind: 'der',
  alias: 'Forbidden',
  password: false,
  toConfig({ path, properties }) {
    const keyPath = properties.get('separateprivatekeyfilepath');
    return { certificatePath: path, ...(keyPath && { keyPath }) };
  },
  pathOf: ({ certificatePath }) => text(certificatePath),
  propertiesOf: ({ keyPath }): Record<string, string> =>
    keyPath === undefined ? {} : { SeparatePrivateKeyFilePath: text(keyPath) },
  properties: [separateKey],
};

/** Every store type, by Keyfactor's numbering: custom types begin at 102. */
export const STORE_TYPES: readonly StoreType[] = [rfPem, rfPkcs12, rfDer];

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
