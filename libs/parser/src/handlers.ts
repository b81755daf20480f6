import { invalid } from '@certferry/core';
import type { parserV1 } from '@certferry/contracts';
import { parseArchive } from './archive/parse-archive.ts';
import type { Container } from './container.ts';
import { toInspection } from './mapping.ts';
import { openContainer, recognise } from './open-container.ts';
import type { Sandbox } from './sandbox/sandbox.ts';

/** The fast path reads plain certificates and keys here; what derives a key or opens a container goes to a child. */
async function open(sandbox: Sandbox, content: Uint8Array, password: string | undefined): Promise<Container> {
  const recognised = recognise(content, password);
  return recognised.format.needsSandbox(recognised.content)
    ? await sandbox.run('open', { content, password })
    : openContainer(content, password);
}

export function createHandlers(sandbox: Sandbox): parserV1.ParserServiceImplementation {
  return {
    inspect: async ({ content, password }) => toInspection(await open(sandbox, content, password)),
    open: async ({ content, password }) => {
      const container = await open(sandbox, content, password);
      return { inspection: toInspection(container), privateKeys: container.keys.map(({ key }) => key.pkcs8) };
    },
    editKeystore: async ({ content, password, edit }) => {
      if (content.length > 0) recognise(content, password);
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
    parseArchive: (requests) => parseArchive(requests, (content, password) => open(sandbox, content, password)),
    encryptPrivateKey: async ({ privateKey, password }) => ({
      pem: await sandbox.run('encryptPrivateKey', { privateKey, password }),
    }),
  };
}
