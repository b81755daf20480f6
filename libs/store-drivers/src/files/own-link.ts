import { basename, dirname, join, resolve } from 'node:path';
import { linkRefused } from './file-error.ts';
import type { FileSystem } from './file-system.ts';
import { removeAll } from './own-names.ts';

/** `.certferry-<store>/current/<role>`: what the links of a store with the layout "links" lead to. */
const LINKED = /(?:^|\/)(\.certferry-[0-9A-Za-z-]+)\/current\/[^/]+$/;

/**
 * The file that a link of ours leads to, of this store or of one that was here before; undefined when there is no link.
 * `allow` answers the real path of what may be read. FAILED_PRECONDITION NOT_A_FILE for a link that somebody else made.
 */
export async function followOwnLink(
  files: FileSystem,
  path: string,
  allow: (path: string) => Promise<string>,
): Promise<string | undefined> {
  if ((await files.facts(path))?.kind !== 'link') return undefined;
  const target = await files.readLink(path);
  const leadsTo = resolve(dirname(path), target);
  if (!LINKED.test(leadsTo)) throw linkRefused(path, target);
  const real = await allow(leadsTo).catch(() => undefined);
  // The version that `current` leads to lies in the same folder, or somebody has put another one in its place.
  const home = await allow(join(homeOf(leadsTo), 'current')).catch(() => undefined);
  if (!real || !home || dirname(dirname(real)) !== dirname(home)) throw linkRefused(path, target);
  return leadsTo;
}

const homeOf = (linked: string): string => dirname(dirname(linked));

/** Removes a file of a versioned folder that nothing leads to any more, and the folder with its last file. */
export async function removeLinked(files: FileSystem, linked: string): Promise<void> {
  if (!LINKED.test(linked)) return;
  await removeAll(files, linked);
  const current = join(homeOf(linked), 'current');
  const isLink = (await files.facts(current))?.kind === 'link';
  const left = isLink ? await files.list(join(homeOf(linked), basename(await files.readLink(current)))) : [];
  if (left.length === 0) await removeAll(files, homeOf(linked));
}
