import { keyfactorText, type KeyfactorStoreType } from '../keyfactor-store-type.ts';

/** The type of Keyfactor's Remote File orchestrator for PKCS#12 keystores. */
export const rfPkcs12: KeyfactorStoreType = {
  id: 103,
  name: 'RFPkcs12',
  shortName: 'RFPkcs12',
  password: true,
  properties: [],
  toConfig: ({ path, password }) => ({ path, password }),
  pathOf: ({ path }) => keyfactorText(path),
  propertiesOf: () => ({}),
};
