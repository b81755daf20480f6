import { precondition } from '@certferry/core';
import type { parserV1 } from '@certferry/contracts';
import type { StoreParser } from '../driver-context.ts';
import type { StoreEntry } from '../store-driver.ts';
import { entryAt, isSameAlias } from './choose-entry.ts';

/** The entries of a keystore, and the aliases of those that are no certificate. */
interface Entries {
  entries: StoreEntry[];
  others: string[];
}

/** Whether two contents hold the same but for one entry. */
export function isOtherwiseSame(one: Entries, two: Entries, alias: string): boolean {
  const said = ({ entries, others }: Entries) =>
    JSON.stringify([...entries.filter((entry) => !isSameAlias(entry.alias, alias)).map(sayEntry), ...others].sort());
  return said(one) === said(two);
}

const sayEntry = ({ alias, facts, hasPrivateKey, chain }: StoreEntry): string =>
  [alias, facts.fingerprintSha256, hasPrivateKey, ...chain.map((link) => link.facts.fingerprintSha256)].join(' ');

/** A content of a keystore file, and what opens it. */
interface OlderContent {
  content: Buffer;
  entries: StoreEntry[];
  password: string;
  keyPassword?: string;
}

/**
 * The edit that puts an entry back as it stood in an older content; undefined when it stood in none and `held` does not
 * either. FAILED_PRECONDITION ENTRY_PASSWORD when its key has a password that the config does not say.
 */
export async function restoringEdit(
  parser: StoreParser,
  older: OlderContent,
  { alias, held }: { alias: string; held: StoreEntry | undefined },
): Promise<NonNullable<parserV1.KeystoreEdit['edit']> | undefined> {
  const wanted = entryAt(older.entries, alias);
  if (!wanted) return held && { $case: 'remove', value: { alias: held.alias } };
  const certificates = [wanted, ...wanted.chain].map(({ der }) => der);
  const privateKey = wanted.hasPrivateKey ? await openKey(parser, older, wanted) : new Uint8Array();
  return { $case: 'put', value: { alias: held?.alias ?? wanted.alias, certificates, privateKey } };
}

async function openKey(parser: StoreParser, older: OlderContent, { alias, facts }: StoreEntry): Promise<Uint8Array> {
  const { content, password, keyPassword } = older;
  const { inspection, privateKeys } = await parser.open({ content, password, keyPassword });
  const leaf = inspection!.certificates.find(
    (one) => one.key !== undefined && one.facts?.fingerprintSha256 === facts.fingerprintSha256,
  );
  const key = leaf && privateKeys[leaf.key!];
  if (key && key.length > 0) return key;
  throw precondition(
    'ENTRY_PASSWORD',
    `The key that "${alias}" had has a password of its own, and others have changed the keystore since: it cannot be put back alone.`,
    { alias },
  );
}
