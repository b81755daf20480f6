import { invalid } from '@certferry/core';
import { parserV1 } from '@certferry/contracts';
import { parseArchive } from './archive/parse-archive.ts';
import { readFast } from './fast-path.ts';
import type { Passwords } from './formats/format.ts';
import { fromEdit, fromKeystoreType, toOpenResponse } from './mapping.ts';
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
    listKeystore: async ({ content, passwords, keyPassword }) => {
      checkSizes(content, { passwords, keyPassword });
      const { content: unwrapped } = recognise(content);
      return parserV1.ListKeystoreResponse.decode(
        await sandbox.run('listKeystore', { content: unwrapped, passwords, keyPassword }),
      );
    },
    editKeystore: async ({ content, edit, edits: more, type, ...passwords }) => {
      if (content.length > 0) {
        const { password, keyPassword } = passwords;
        checkSizes(content, { password, keyPassword });
        recognise(content);
      }
      const edits = [...(edit ? [fromEdit(edit)] : []), ...more.map((one) => fromEdit(one.edit))];
      if (edits.length === 0 && passwords.newPassword === undefined && type === undefined)
        throw invalid('INVALID_FIELD', 'edits are required: put or remove.', { field: 'edits' });
      const change = { content, ...passwords, edits, type: type === undefined ? undefined : fromKeystoreType(type) };
      return { content: await sandbox.run('editKeystore', change) };
    },
    parseArchive: (requests) => parseArchive(requests, sandbox),
    createKeystore: async ({ type, password, entries }) => {
      return { content: await sandbox.run('createKeystore', { type: fromKeystoreType(type), password, entries }) };
    },
    encryptPrivateKey: async ({ privateKey, password }) => ({
      pem: await sandbox.run('encryptPrivateKey', { privateKey, password }),
    }),
  };
}
