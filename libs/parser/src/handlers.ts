import { invalid, raise } from '@certferry/core';
import type { parserV1 } from '@certferry/contracts';
import { parseArchive } from './archive/parse-archive.ts';
import { open } from './fast-path.ts';
import { KEYSTORE_TYPES, toInspection } from './mapping.ts';
import { checkSizes, recognise } from './open-container.ts';
import type { Sandbox } from './sandbox/sandbox.ts';

export function createHandlers(sandbox: Sandbox): parserV1.ParserServiceImplementation {
  return {
    inspect: async ({ content, ...passwords }) => toInspection(await open(sandbox, content, passwords)),
    open: async ({ content, ...passwords }) => {
      const container = await open(sandbox, content, passwords);
      return { inspection: toInspection(container), privateKeys: container.keys.map(({ key }) => key.pkcs8) };
    },
    editKeystore: async ({ content, password, edit }) => {
      if (content.length > 0) {
        checkSizes(content, { password });
        recognise(content);
      }
      switch (edit?.$case) {
        case 'put':
          return {
            content: await sandbox.run('putEntry', {
              content,
              password,
              ...edit.value,
              privateKey: edit.value.privateKey.length ? edit.value.privateKey : undefined,
            }),
          };
        case 'remove':
          return { content: await sandbox.run('removeEntry', { content, password, alias: edit.value.alias }) };
        case undefined:
          throw invalid('INVALID_FIELD', 'edit is required: put or remove.', { field: 'edit' });
      }
    },
    parseArchive: (requests) => parseArchive(requests, (content, password) => open(sandbox, content, { password })),
    createKeystore: async ({ type, password, entries }) => {
      const name =
        KEYSTORE_TYPES[type] ??
        raise(invalid('INVALID_FIELD', 'type must be PKCS12, PKCS12_LEGACY or JKS.', { field: 'type' }));
      return { content: await sandbox.run('createKeystore', { type: name, password, entries }) };
    },
    encryptPrivateKey: async ({ privateKey, password }) => ({
      pem: await sandbox.run('encryptPrivateKey', { privateKey, password }),
    }),
  };
}
