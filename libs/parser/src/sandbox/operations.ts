import { Buffer } from 'node:buffer';
import {
  createKeystore,
  encryptPrivateKey,
  putKeystoreEntry,
  removeKeystoreEntry,
  writePem,
  type KeystoreType,
  type NewEntry,
} from '@certferry/x509';
import { OpenResponse } from '@certferry/contracts/parser/v1';
import { openAny } from '../archive/open-archive.ts';
import { openFiles } from '../archive/open-files.ts';
import type { Passwords } from '../formats/format.ts';
import { toOpenResponse } from '../mapping.ts';

/** What runs in a child process because it derives keys or opens containers. Values cross by structured clone. */
export const OPERATIONS = {
  /** An OpenResponse, encoded. */
  open: async ({ content, ...passwords }: { content: Uint8Array } & Passwords): Promise<Uint8Array> =>
    OpenResponse.encode(toOpenResponse(await openAny(content, passwords))).finish(),
  openFiles,
  putEntry: (input: {
    content: Uint8Array;
    password: string;
    alias: string;
    certificates: Uint8Array[];
    privateKey?: Uint8Array;
  }): Uint8Array => putKeystoreEntry(input.content, input.password, input),
  removeEntry: (input: { content: Uint8Array; password: string; alias: string }): Uint8Array =>
    removeKeystoreEntry(input.content, input.password, input.alias),
  createKeystore: (input: { type: KeystoreType; password: string; entries: NewEntry[] }): Uint8Array =>
    createKeystore(input),
  encryptPrivateKey: (input: { privateKey: Uint8Array; password: string }): string =>
    writePem('ENCRYPTED PRIVATE KEY', encryptPrivateKey(Buffer.from(input.privateKey), input.password)),
};

export type Operations = typeof OPERATIONS;
export type OperationName = keyof Operations;
export type Input<N extends OperationName> = Parameters<Operations[N]>[0];
export type Output<N extends OperationName> = Awaited<ReturnType<Operations[N]>>;
