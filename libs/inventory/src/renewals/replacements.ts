import type { Certificate } from '../certificates/certificate.ts';
import type { Certificates } from '../certificates/certificates.ts';
import type { RenewalKeys } from './renewal-rule.ts';

/** A certificate as far as links, and what is chosen by them, need it. */
export type LinkedCertificate = Pick<
  Certificate,
  '_id' | 'fingerprintSha256' | 'facts' | 'enabled' | 'hasPrivateKey' | 'revision' | 'renewal' | 'replaces' | 'linkedBy'
>;

/** By kind of key. */
export type SharedKeys = Record<keyof RenewalKeys, ReadonlySet<string>>;

const LINKED = 'fingerprintSha256 facts enabled hasPrivateKey revision renewal replaces linkedBy';
const KEYS = ['names', 'subject'] as const;

/** So many of a name are looked at, the newest: thousands of devices may have one. */
const MOST_OF_A_NAME = 20;
const MOST_NAMED = 2_000;
const alive = { deleted: { $ne: true } };

/** The certificates' collection, by their links. */
export class Replacements {
  readonly #certificates: Certificates;

  constructor(certificates: Certificates) {
    this.#certificates = certificates;
  }

  async findByFingerprints(fingerprints: string[]): Promise<LinkedCertificate[]> {
    return await this.#find({ fingerprintSha256: { $in: fingerprints } });
  }

  /** Those that replace one of these, the latest revision of each. */
  async replacing(ids: string[]): Promise<LinkedCertificate[]> {
    return ids.length === 0 ? [] : await this.#find({ replaces: { $in: ids } });
  }

  /** Of the newest of a key, so many as are looked at. */
  async ofKey(key: keyof RenewalKeys, value: string): Promise<LinkedCertificate[]> {
    return await this.#certificates.model
      .find({ [`renewal.${key}`]: value, ...alive })
      .sort({ 'facts.notBefore': -1 })
      .limit(MOST_OF_A_NAME)
      .select(LINKED)
      .lean();
  }

  /** Of these keys those that certificates have. */
  async existing(keys: readonly RenewalKeys[]): Promise<SharedKeys> {
    const [names, subject] = await Promise.all(KEYS.map((key) => this.#existing(key, keys)));
    return { names: names!, subject: subject! };
  }

  async #existing(key: keyof RenewalKeys, keys: readonly RenewalKeys[]): Promise<Set<string>> {
    const asked = [...new Set(keys.flatMap((one) => one[key] ?? []))];
    if (asked.length === 0) return new Set();
    const most = 2 * asked.length;
    const found = await this.#certificates.model
      .find({ [`renewal.${key}`]: { $in: asked }, ...alive })
      .limit(most)
      .select('renewal')
      .lean();
    // Behind so many of one there may be others.
    return new Set(found.length === most ? asked : found.map(({ renewal }) => renewal![key]!));
  }

  /** From before their keys were kept. */
  async withoutKeys(limit: number): Promise<LinkedCertificate[]> {
    return await this.#certificates.model
      .find({ 'renewal.names': null, ...alive })
      .limit(limit)
      .select(LINKED)
      .lean();
  }

  async setKeys(id: string, renewal: RenewalKeys): Promise<void> {
    await this.#certificates.model.updateOne({ _id: id, ...alive }, { $set: { renewal } });
  }

  /** The certificates that came in last, after a moment if one is given. */
  async latest(limit: number, after?: Date): Promise<LinkedCertificate[]> {
    return await this.#certificates.model
      .find({ ...(after && { createdAt: { $gt: after } }), ...alive })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit)
      .select(LINKED)
      .lean();
  }

  /** By name or common name, in lower case. */
  async named(name: string): Promise<LinkedCertificate[]> {
    const found = [];
    for (const path of ['search.name', 'search.commonName'])
      found.push(...(await this.#find({ [path]: name }, MOST_NAMED)));
    return [...new Map(found.map((one) => [one._id, one])).values()];
  }

  async #find(filter: object, most = 0): Promise<LinkedCertificate[]> {
    return await this.#certificates.model
      .find({ ...filter, ...alive })
      .limit(most)
      .select(LINKED)
      .lean();
  }
}
