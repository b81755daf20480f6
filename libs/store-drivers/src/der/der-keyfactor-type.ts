import { separateKey } from '../files/separate-key.ts';
import { keyfactorText, type KeyfactorStoreType } from '../keyfactor-store-type.ts';

/** The type of Keyfactor's Remote File orchestrator for DER files. */
export const rfDer: KeyfactorStoreType = {
  id: 104,
  name: 'RFDER',
  shortName: 'RFDER',
  password: false,
  properties: [separateKey],
  toConfig({ path, properties }) {
    const keyPath = properties.get('separateprivatekeyfilepath');
    return { certificatePath: path, ...(keyPath && { keyPath }) };
  },
  pathOf: ({ certificatePath }) => keyfactorText(certificatePath),
  propertiesOf: ({ keyPath }): Record<string, string> =>
    keyPath === undefined ? {} : { SeparatePrivateKeyFilePath: keyfactorText(keyPath) },
};
