import { precondition } from '@certferry/core';
import type { commonV1 } from '@certferry/contracts';
import type { StoreChange, StoreEntry } from '../store-driver.ts';

export const isSameAlias = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/**
 * The alias that a change is about. One that the caller said is taken as it is. One that nobody said gives way to the
 * entry that holds the certificate, else the one before it: so a renewal is never a second entry beside the one that is
 * served. ALIAS_REQUIRED where several may be meant, or one that holds only some of the names.
 */
export function chooseAlias(change: StoreChange, entries: StoreEntry[], names: string[]): string {
  if (!change.aliasIsDefault) return change.alias;
  const fingerprint = change.fingerprintSha256;
  const same = entries.filter(({ facts }) => facts.fingerprintSha256 === fingerprint);
  if (change.action === 'remove') return only(same, 'holds the certificate to remove') ?? change.alias;
  if (change.privateKey === undefined)
    return entryAt(entries, change.alias) ? change.alias : (only(same, 'holds the certificate') ?? change.alias);
  const ofKeys = entries.filter(({ hasPrivateKey }) => hasPrivateKey);
  const held = only(
    ofKeys.filter((one) => same.includes(one)),
    'holds the certificate',
  );
  if (held !== undefined) return held;
  const replaced = ofKeys.filter(({ facts }) => change.replaces?.includes(facts.fingerprintSha256));
  const before = only(replaced, 'holds a certificate that this one replaces');
  if (before !== undefined) return before;
  const default_ = entryAt(ofKeys, change.alias);
  const alike = only(
    ofKeys.filter(({ facts }) => isSameSet(namesOf(facts), names)),
    'holds a certificate of the same names',
  );
  if (alike !== undefined) return alike;
  if (default_) return default_.alias;
  const near = ofKeys.filter(({ facts }) => namesOf(facts).some((name) => names.includes(name)));
  if (near.length > 0) throw aliasRequired(near, 'holds a certificate for some of the names');
  return change.alias;
}

export const entryAt = <E extends { alias: string }>(entries: E[], alias: string): E | undefined =>
  entries.find((entry) => isSameAlias(entry.alias, alias));

function only(entries: StoreEntry[], what: string): string | undefined {
  if (entries.length > 1) throw aliasRequired(entries, what);
  return entries[0]?.alias;
}

function aliasRequired(entries: StoreEntry[], what: string): Error {
  const aliases = entries.map(({ alias }) => `"${alias}"`).join(', ');
  return precondition(
    'ALIAS_REQUIRED',
    `Say the alias: ${aliases} ${what}; without one it is not sure whether that is to be replaced or another entry is to be made.`,
    { aliases },
  );
}

/** The names that a certificate is for, in lower case; the subject where it has none. */
export function namesOf({ subjectAlternativeNames, subject }: commonV1.CertificateFacts): string[] {
  const names = subjectAlternativeNames.map(({ value }) => value.toLowerCase());
  return names.length > 0 ? [...new Set(names)] : [subject];
}

const isSameSet = (a: string[], b: string[]): boolean => a.length === b.length && a.every((one) => b.includes(one));
