import { keyfactorText, type KeyfactorStoreType } from '../keyfactor-store-type.ts';

/** The type of Keyfactor's Remote File orchestrator for Java keystores, JKS or PKCS#12. */
export const rfJks: KeyfactorStoreType = {
  id: 105,
  name: 'RFJKS',
  shortName: 'RFJKS',
  password: true,
  properties: [],
  toConfig: ({ path, password }) => ({ path, password }),
  pathOf: ({ path }) => keyfactorText(path),
  propertiesOf: () => ({}),
};
