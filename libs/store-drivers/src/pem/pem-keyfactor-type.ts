import { separateKey } from '../files/separate-key.ts';
import { isKeyfactorTrue, keyfactorText, type KeyfactorStoreType } from '../keyfactor-store-type.ts';

/** The type of Keyfactor's Remote File orchestrator for PEM files. */
export const rfPem: KeyfactorStoreType = {
  id: 102,
  name: 'RFPEM',
  shortName: 'RFPEM',
  password: false,
  properties: [
    { name: 'IsTrustStore', displayName: 'Trust Store', type: 'Bool', default: 'false' },
    { name: 'IncludesChain', displayName: 'Store Includes Chain', type: 'Bool', default: 'false' },
    separateKey,
  ],
  toConfig({ path, properties }) {
    const keyPath = properties.get('separateprivatekeyfilepath');
    if (isKeyfactorTrue(properties.get('istruststore')))
      return { certificatePath: path, trustStore: true, ...(keyPath && { keyPath }) };
    const withChain = isKeyfactorTrue(properties.get('includeschain'));
    if (keyPath) return { [withChain ? 'fullChainPath' : 'certificatePath']: path, keyPath };
    return { combinedPath: path, ...(!withChain && { combinedWithoutChain: true }) };
  },
  pathOf: ({ fullChainPath, certificatePath, combinedPath }) =>
    keyfactorText(fullChainPath) || keyfactorText(certificatePath) || keyfactorText(combinedPath),
  propertiesOf: ({ fullChainPath, combinedPath, combinedWithoutChain, keyPath, trustStore }) => ({
    IsTrustStore: String(trustStore === true),
    IncludesChain: String(fullChainPath !== undefined || (combinedPath !== undefined && combinedWithoutChain !== true)),
    ...(keyPath !== undefined && { SeparatePrivateKeyFilePath: keyfactorText(keyPath) }),
  }),
};
