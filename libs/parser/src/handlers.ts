import { invalid, raise } from '@certferry/core';
import { parserV1 } from '@certferry/contracts';
import { parseArchive } from './archive/parse-archive.ts';
import { readFast } from './fast-path.ts';
import type { Passwords } from './formats/format.ts';
import { KEYSTORE_TYPES, toOpenResponse } from './mapping.ts';
import { refuseNothing } from './nothing-to-import.ts';
import { checkSizes, recognise } from './open-container.ts';
import type { Sandbox } from './sandbox/sandbox.ts';

async function open(sandbox: Sandbox, content: Uint8Array, passwords: Passwords): Promise<parserV1.OpenResponse> {
  const fast = readFast(content, passwords);
  if (fast) return toOpenResponse(fast);
  return parserV1.OpenResponse.decode(await sandbox.run('open', { content, ...passwords }));
}

export function createHandlers(sandbox: Sandbox): parserV1.ParserServiceImplementation {
  return {
    inspect: async ({ content, ...passwords }) => (await open(sandbox, content, passwords)).inspection!,
    open: async ({ content, ...passwords }) => {
      const opened = await open(sandbox, content, passwords);
      refuseNothing(opened.inspection!);
      return opened;
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
    parseArchive: (requests) => parseArchive(requests, sandbox),
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
