import { AppError, invalid } from '@certferry/core';
import { emptyContainer, type ContainedCertificate, type ContainedKey, type Container } from '../container.ts';
import { isInstructions, isNamedAsOurs, toShown } from './file-names.ts';

/** Files that are named as passed over; of more there is only the number. */
const MOST_NAMED = 1_000;

/** What the files of an archive hold, as one container: each item says its file, and what two files hold is there once. */
export class ArchiveContents {
  readonly #container: Container;
  readonly #certificates = new Map<string, ContainedCertificate>();
  readonly #keys = new Map<string, ContainedKey>();
  #index = 0;
  #passedOver = 0;

  constructor(format: 'ZIP' | 'TAR') {
    this.#container = emptyContainer(format);
  }

  /** What was read of a file. */
  add(file: string, found: Container): void {
    const { certificates, keys, failures, notices } = this.#container;
    const first = this.#index;
    const at = (index: number) => {
      this.#index = Math.max(this.#index, first + index + 1);
      return { index: first + index, file: toShown(file) };
    };
    const again: string[] = [];
    for (const { key: _, ...one } of found.certificates) {
      const same = this.#certificates.get(one.facts.fingerprintSha256);
      if (!same)
        certificates.push(remember(this.#certificates, one.facts.fingerprintSha256, { ...one, ...at(one.index) }));
      else again.push(mergeInto(same, one));
    }
    for (const one of found.keys) {
      const same = this.#keys.get(one.key.publicKeySha256);
      if (!same) keys.push(remember(this.#keys, one.key.publicKeySha256, { ...one, ...at(one.index) }));
      else again.push(mergeInto(same, one));
    }
    for (const one of found.failures) failures.push({ ...one, ...at(one.index) });
    for (const notice of found.notices) notices.push(`${toShown(file)}: ${notice}`);
    if (again.length > 0) notices.push(repeated(toShown(file), again));
  }

  /** A file in which nothing could be read: of ours it is a failure, anything else is passed over. */
  addError(file: string, error: unknown): void {
    if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
    const { reason, message } = error;
    const isUnknown = reason === 'UNKNOWN_FORMAT' || reason === 'EMPTY';
    if (reason === 'NOTHING_TO_IMPORT' || (isUnknown && !isNamedAsOurs(file)) || isInstructions(file))
      this.passOver(file, isUnknown ? 'it is neither a certificate nor a private key' : message);
    else this.#container.failures.push({ index: this.#index++, what: 'FILE', reason, message, file: toShown(file) });
  }

  passOver(file: string, why: string): void {
    if (++this.#passedOver <= MOST_NAMED)
      this.#container.notices.push(`${toShown(file)} was passed over: ${why.replace(/\.$/, '')}.`);
  }

  /** All of it. Refuses an archive of which nothing could be read with its first failure, or NOTHING_TO_IMPORT. */
  whole(): Container {
    const { certificates, keys, failures, notices } = this.#container;
    if (this.#passedOver > MOST_NAMED) notices.push(`${this.#passedOver - MOST_NAMED} more files were passed over.`);
    if (certificates.length > 0 || keys.length > 0) return this.#container;
    const [failure] = failures;
    if (failure) throw invalid(failure.reason, `${failure.file}: ${failure.message}`);
    const found = notices.length > 0 ? ` ${notices.slice(0, 5).join(' ')}` : '';
    throw invalid('NOTHING_TO_IMPORT', `The archive holds no certificate and no private key.${found}`);
  }
}

function remember<T>(known: Map<string, T>, id: string, one: T): T {
  known.set(id, one);
  return one;
}

/** Keeps the name that only the second has; answers the file of the first. */
function mergeInto<T extends { alias: string; file?: string }>(same: T, other: { alias: string }): string {
  if (same.alias === '') same.alias = other.alias;
  return same.file ?? '';
}

function repeated(file: string, files: string[]): string {
  const others = [...new Set(files)].filter((one) => one !== file).join(', ');
  const what = files.length === 1 ? 'One certificate or key' : `${files.length} certificates and keys`;
  return `${file}: ${what} that ${others || 'the same file'} has already, listed there.`;
}
