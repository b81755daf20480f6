import { emptyContainer, type ContainedFailure, type Container } from '../container.ts';

/** One container out of several; what is in more than one of them (the keystore beside the PEM of a Secret) is there once. */
export class MergedContainer {
  readonly container: Container = emptyContainer('PEM');
  readonly #seen = new Set<string>();
  #next = 0;

  get isEmpty(): boolean {
    const { certificates, keys, failures, notices } = this.container;
    return certificates.length + keys.length + failures.length + notices.length === 0;
  }

  /** `where` is put before what is said of the part. */
  add(part: Container, where: string): void {
    const { certificates, keys, failures, notices } = this.container;
    if (this.isEmpty) this.container.format = part.format;
    const first = this.#next;
    const place = <T extends { index: number }>(entry: T): T => {
      this.#next = Math.max(this.#next, first + entry.index + 1);
      return { ...entry, index: first + entry.index };
    };
    for (const one of part.certificates)
      if (this.#isNew(`certificate ${one.facts.fingerprintSha256}`)) certificates.push(place(one));
    for (const one of part.keys) if (this.#isNew(`key ${one.key.publicKeySha256}`)) keys.push(place(one));
    for (const one of part.failures) failures.push(place({ ...one, message: `${where}: ${one.message}` }));
    for (const notice of part.notices) notices.push(`${where}: ${notice}`);
  }

  fail(failure: Omit<ContainedFailure, 'index'>): void {
    this.container.failures.push({ ...failure, index: this.#next++ });
  }

  #isNew(what: string): boolean {
    if (this.#seen.has(what)) return false;
    this.#seen.add(what);
    return true;
  }
}
