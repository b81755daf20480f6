import type { KeyfactorProperty } from '../keyfactor-store-type.ts';

/** Keyfactor's property of stores whose key has a file of its own. */
export const separateKey: KeyfactorProperty = {
  name: 'SeparatePrivateKeyFilePath',
  displayName: 'Separate Private Key File Location',
  type: 'String',
  default: '',
};
