import { execFileSync } from 'node:child_process';

/** Runs the real keytool, in English. */
export const keytool = (...args: string[]): string =>
  execFileSync('keytool', ['-J-Duser.language=en', ...args], { stdio: 'pipe' }).toString();

export interface KeytoolEntry {
  alias: string;
  hasPrivateKey: boolean;
  /** SHA-256, lower case, leaf first. */
  fingerprints: string[];
}

/** What `keytool -list -v` says is in a keystore, by alias. */
export function listByKeytool(path: string, password: string): KeytoolEntry[] {
  const said = keytool('-list', '-v', '-keystore', path, '-storepass', password);
  const entries = said.split(/^Alias name: /m).slice(1);
  const read = entries.map((text) => ({
    alias: text.slice(0, text.indexOf('\n')).trim(),
    hasPrivateKey: text.includes('Entry type: PrivateKeyEntry'),
    fingerprints: [...text.matchAll(/SHA256: ([0-9A-F:]+)/g)].map(([, hex]) => hex!.replaceAll(':', '').toLowerCase()),
  }));
  return read.toSorted((a, b) => (a.alias < b.alias ? -1 : 1));
}
