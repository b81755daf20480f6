import { AppError } from '@certferry/core';
import type { commonV1, parserV1 } from '@certferry/contracts';
import type { z } from 'zod';
import type { DriverContext } from './driver-context.ts';
import type { KeyfactorStoreType } from './keyfactor-store-type.ts';

/**
 * One kind of store. A new one is a folder beside this file (driver, test, page of the documentation) and a line in
 * drivers.ts; store-driver.conformance.ts tests it.
 */
export interface StoreDriver<C extends z.ZodObject = z.ZodObject> {
  kind: string;
  title: string;
  description: string;
  /** Whether entries have names: "required" gets the certificate's name by default, "none" holds one certificate. */
  alias: 'required' | 'none';
  /** Where `alias` is not the same for every config: "thumbprint" is many certificates, each named by its own. */
  aliasOf?(config: Partial<z.infer<C>>): 'required' | 'none' | 'thumbprint';
  /** Whether one change may put trusted certificates under aliases of their own beside the entry. */
  trustedEntries?: boolean;
  /** Strict; its JSON schema is shown to people. Fields with `.meta({ writeOnly: true })` are secrets. */
  config: C;
  /** What a person reads who has tried a store and it could be opened, and written. */
  tried: { open: string; write: string };
  /** Whether a store with this config has a place for the private key. */
  holdsPrivateKey(config: Partial<z.infer<C>>): boolean;
  /** How Keyfactor's API names this kind; absent: not at all. */
  keyfactorType?: KeyfactorStoreType;
  /** Checks what the config points to; changes nothing. Whoever opens a store closes it. */
  open(config: z.infer<C>, context: DriverContext): Promise<OpenStore>;
}

/** A store while somebody works with it. All calls reject with the reason of the context's signal once it is aborted. */
export interface OpenStore {
  /** Equal exactly when the store holds the same. */
  revision(): Promise<string>;
  /** What an independent reading finds. Throws when it cannot be read: an unreadable store is not an empty one. */
  entries(): Promise<StoreEntry[]>;
  /** FAILED_PRECONDITION when the change must not be made: ALIAS_EXISTS, ANOTHER_CERTIFICATE, NO_PRIVATE_KEY, … */
  prepare(change: StoreChange): Promise<PreparedChange>;
  /**
   * What a place holds, or that it holds nothing, with its secrets: bytes that are for prepareRestore alone. Undefined:
   * what stands there cannot be read as a whole, as a key that is never given out.
   */
  snapshot(alias: string): Promise<Buffer | undefined>;
  /**
   * Puts a snapshot of this place back, whatever it holds now; other entries stay, unless the caller knows that nothing
   * but one change was made since it was taken: then all that it changed goes back. SNAPSHOT_OF_ANOTHER_CONFIG, …
   */
  prepareRestore(alias: string, snapshot: Uint8Array, options?: RestoreOptions): Promise<PreparedChange>;
  /** Removes what a crash may have left. */
  cleanUp(): Promise<void>;
  /**
   * What the store occupies, each as one text that is the same for every store which would write it too, as
   * `file:/etc/ssl/web.pem`, symbolic links resolved. Absent: nobody can say.
   */
  places?(): Promise<string[]>;
  /** Proves that the store could be written, without changing it. */
  tryWriting(): Promise<void>;
  /** Gives back what was opened. Answers at once, also after the signal was aborted, and a second time. */
  close(): Promise<void>;
}

export interface RestoreOptions {
  /** What is to be undone is all that has changed since the snapshot was taken. */
  all?: boolean;
}

export interface EntryCertificate {
  der: Uint8Array;
  facts: commonV1.CertificateFacts;
}

export interface StoreEntry extends EntryCertificate {
  /** Empty for kinds without aliases. */
  alias: string;
  hasPrivateKey: boolean;
  /** The certificates that follow the leaf. */
  chain: EntryCertificate[];
}

export const toEntryCertificate = ({ der, facts }: parserV1.CertificateEntry): EntryCertificate => ({
  der,
  facts: facts!,
});

export interface AddChange {
  action: 'add';
  alias: string;
  /** Whether another certificate in this place may be replaced. */
  overwrite: boolean;
  fingerprintSha256: string;
  certificate: Buffer;
  /** Issuers, nearest first. */
  chain: Buffer[];
  /** PKCS#8 DER; undefined: without. */
  privateKey?: Buffer;
  /**
   * Nobody said the alias, it is a default: the entry that holds the certificate or the one before it is meant instead.
   * ALIAS_REQUIRED where that could be another than the caller thinks of.
   */
  aliasIsDefault?: boolean;
  /** Certificates that this one replaces, by fingerprint; without them those of the same names. */
  replaces?: string[];
  /** Trusted certificates that are put under aliases of their own by the same change, for kinds with `trustedEntries`. */
  trusted?: TrustedCertificate[];
}

export interface TrustedCertificate {
  alias: string;
  fingerprintSha256: string;
  certificate: Buffer;
}

export interface RemoveChange {
  action: 'remove';
  alias: string;
  /** Only this certificate; both absent: whatever is there. */
  fingerprintSha256?: string;
  thumbprint?: string;
  /** Nobody said the alias: every entry that holds the certificate is meant; ALIAS_REQUIRED where that is several. */
  aliasIsDefault?: boolean;
}

export type StoreChange = AddChange | RemoveChange;

/** Whether a place holds another certificate than the one that a removal names. */
export function isAnother({ fingerprintSha256, thumbprint }: RemoveChange, held: StoreEntry | undefined): boolean {
  if (fingerprintSha256 && fingerprintSha256 !== held?.facts.fingerprintSha256) return true;
  return thumbprint !== undefined && thumbprint !== held?.facts.thumbprint;
}

export interface Change {
  operation: 'create' | 'replace' | 'delete';
  /** A file, or an entry of a keystore. */
  what: string;
  oldFingerprintSha256: string;
  newFingerprintSha256: string;
}

/** What a person should know of a change that was, or will be, made all the same. */
export interface StoreNote {
  /** "OWNER_NOT_KEPT", "CHAIN_INCOMPLETE", … */
  code: string;
  message: string;
}

/** A change that has been worked out but not made. */
export interface PreparedChange {
  /** Empty: the store already is as asked, and `write` does nothing. */
  changes: Change[];
  oldRevision: string;
  newRevision: string;
  /** The entry that it is about, where the store names it otherwise than the change does. */
  alias?: string;
  /** What its place holds now; undefined: nothing, or nothing that can be read as a certificate. */
  held: StoreEntry | undefined;
  /** Whether a private key that is there gives way to a certificate without one. */
  removesKey: boolean;
  /** What there is to say of it before it is made. */
  notes?: StoreNote[];
  /**
   * Makes it, at once and durably; ABORTED STORE_CHANGED when the store is no longer what it was. Answers what there is
   * to say of how it was made.
   */
  write(): Promise<StoreNote[] | void>;
}

/** The store is not as it was when the change was planned. ABORTED: plan again. */
export const changedMeanwhile = (): AppError =>
  new AppError({
    code: 'ABORTED',
    reason: 'STORE_CHANGED',
    message: 'The store was changed by somebody else while it was being written.',
  });
