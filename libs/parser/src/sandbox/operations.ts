import { Buffer } from 'node:buffer';
import {
  createKeystore,
  encryptPrivateKey,
  editKeystore,
  listKeystore,
  writePem,
  type KeystoreChange,
  type KeystoreType,
  type NewEntry,
} from '@certferry/x509';
import { ListKeystoreResponse, OpenResponse } from '@certferry/contracts/parser/v1';
import { openAny } from '../archive/open-archive.ts';
import { openFiles } from '../archive/open-files.ts';
import type { Passwords } from '../formats/format.ts';
import { toListKeystoreResponse, toOpenResponse } from '../mapping.ts';

/** What runs in a child process because it derives keys or opens containers. Values cross by structured clone. */
export const OPERATIONS = {
  /** An OpenResponse, encoded. */
  open: async ({ content, ...passwords }: { content: Uint8Array } & Passwords): Promise<Uint8Array> =>
    OpenResponse.encode(toOpenResponse(await openAny(content, passwords))).finish(),
  openFiles,
  listKeystore: (input: { content: Uint8Array; passwords: string[]; keyPassword?: string }): Uint8Array =>
    ListKeystoreResponse.encode(
      toListKeystoreResponse(listKeystore(input.content, input.passwords, input.keyPassword)),
    ).finish(),
  editKeystore: ({ content, ...change }: KeystoreChange & { content: Uint8Array }): Uint8Array =>
    editKeystore(content, change),
  createKeystore: (input: { type: KeystoreType; password: string; entries: NewEntry[] }): Uint8Array =>
    createKeystore(input),
  encryptPrivateKey: (input: { privateKey: Uint8Array; password: string }): string =>
    writePem('ENCRYPTED PRIVATE KEY', encryptPrivateKey(Buffer.from(input.privateKey), input.password)),
};

export type Operations = typeof OPERATIONS;
export type OperationName = keyof Operations;
export type Input<N extends OperationName> = Parameters<Operations[N]>[0];
export type Output<N extends OperationName> = Awaited<ReturnType<Operations[N]>>;
