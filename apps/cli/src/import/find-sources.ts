import { existsSync } from 'node:fs';
import { glob, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { collect } from '../collect.ts';
import type { Outcome } from './outcome.ts';
import { isRemote, nameOfRemote } from './remote.ts';
import { whyUnreadable } from './why-unreadable.ts';

/** Something to import. */
export interface Source {
  /** As it is shown. */
  name: string;
  /** A path, "-" for standard input, or a URL. */
  at: string;
  /** Of a server that shows certificates: whose is asked for. */
  serverName?: string;
  /** A person named it, so it is meant to be a container; what a folder or a pattern holds may be anything. */
  isNamed: boolean;
}

/** What there is to import, and what is not sent at all. */
export interface Found {
  sources: Source[];
  outcomes: Outcome[];
}

/** What a person named. */
export const toSource = (at: string, serverName?: string): Source => {
  if (isRemote(at)) return { name: nameOfRemote(at), at, serverName, isNamed: true };
  return { name: at === '-' ? 'standard input' : at, at, isNamed: true };
};

/** Files, folders (with what is in them), patterns, "-" and URLs, each as what is to be sent, in their order. */
export async function findSources(what: string[], serverName?: string): Promise<Found> {
  const found: Found = { sources: [], outcomes: [] };
  for (const one of what) {
    if (one === '-' || isRemote(one)) found.sources.push(toSource(one, serverName));
    else if (/[*?[{]/.test(one) && !existsSync(one)) await addMatches(one, found);
    else await addPath(toSource(one), found);
  }
  return found;
}

async function addMatches(pattern: string, found: Found): Promise<void> {
  const paths = (await collect(glob(pattern))).toSorted();
  if (paths.length === 0) found.outcomes.push(failed(pattern, 'Nothing has such a name.'));
  for (const path of paths) await addPath({ name: path, at: path, isNamed: false }, found);
}

async function addPath(source: Source, found: Found): Promise<void> {
  try {
    if ((await stat(source.at)).isDirectory()) await addFolder(source.at, found);
    else found.sources.push(source);
  } catch (error) {
    found.outcomes.push(failed(source.name, whyUnreadable(error)));
  }
}

async function addFolder(folder: string, found: Found): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const at = join(folder, entry.name);
    const passOver = (message: string) => found.outcomes.push({ file: at, status: 'passed over', message });
    if (entry.name.startsWith('.') || entry.name === '__MACOSX') passOver('It is hidden.');
    else if (entry.isDirectory()) await addPath({ name: at, at, isNamed: false }, found);
    else if (entry.isFile() || (entry.isSymbolicLink() && (await isLinkToFile(at))))
      found.sources.push({ name: at, at, isNamed: false });
    else passOver(entry.isSymbolicLink() ? 'It is a link, and not to a file.' : 'It is not a regular file.');
  }
}

/** Such links are how Kubernetes and certbot lay certificates out; links to folders could go round in circles. */
const isLinkToFile = (path: string) =>
  stat(path).then(
    (info) => info.isFile(),
    () => false,
  );

const failed = (file: string, message: string): Outcome => ({ file, status: 'failed', message });
