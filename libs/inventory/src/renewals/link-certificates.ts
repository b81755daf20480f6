import type { Clock } from '@certferry/core';
import type { CertificateFacts } from '@certferry/x509';
import { certificateChanged } from '../certificates/certificate-changed.ts';
import type { Certificates } from '../certificates/certificates.ts';
import { isRenewalOf, predecessorOf, renewalKeys, type RenewalKeys } from './renewal-rule.ts';
import { Replacements, type LinkedCertificate, type SharedKeys } from './replacements.ts';

export interface LinkingContext {
  certificates: Certificates;
  clock: Clock;
}

/**
 * Links certificates that are stored to those that they replace, and to them those that replace them; what a person has
 * said stays, and doing it again changes nothing. `before`: the keys that others had before these came in; it is enough
 * to look at those, and at what these share among them.
 */
export async function linkCertificates(
  context: LinkingContext,
  certificates: readonly LinkedCertificate[],
  before?: SharedKeys,
): Promise<void> {
  if (certificates.length === 0) return;
  const linking = new Linking(context);
  const counts = new Map<string, number>();
  const keys = certificates.flatMap(({ renewal }) => renewal ?? []);
  for (const { names, subject } of keys)
    for (const key of [names, subject]) if (key) counts.set(key, (counts.get(key) ?? 0) + 1);
  const isShared = (kind: keyof RenewalKeys, key: string | undefined) =>
    key !== undefined && (!before || before[kind].has(key) || counts.get(key)! > 1);
  for (const one of certificates)
    if (isShared('names', one.renewal?.names) || isShared('subject', one.renewal?.subject)) await linking.link(one);
}

/** The keys that certificates of the inventory share with ones that are to come in. */
export const keysBefore = async (
  { certificates }: LinkingContext,
  facts: readonly CertificateFacts[],
): Promise<SharedKeys> => await new Replacements(certificates).existing(facts.map(renewalKeys));

/** Links anew what replaced a certificate that is gone. */
export async function relinkWithout(context: LinkingContext, id: string): Promise<void> {
  const linking = new Linking(context);
  await linking.forget(id);
}

class Linking {
  readonly #context: LinkingContext;
  readonly #replacements: Replacements;
  /** By key: each is asked for once. */
  readonly #groups = new Map<string, Promise<LinkedCertificate[]>>();

  constructor(context: LinkingContext) {
    this.#context = context;
    this.#replacements = new Replacements(context.certificates);
  }

  async link(certificate: LinkedCertificate): Promise<void> {
    const others = await this.#relatedTo(certificate);
    await this.#update(certificate, predecessorOf(certificate, others)?._id ?? '');
    for (const other of others)
      if (isRenewalOf(other, certificate)) await this.#update(other, await this.#predecessorIdOf(other));
  }

  async forget(id: string): Promise<void> {
    for (const certificate of await this.#replacements.replacing([id]))
      await this.#update({ ...certificate, linkedBy: undefined }, await this.#predecessorIdOf(certificate));
  }

  async #predecessorIdOf(certificate: LinkedCertificate): Promise<string> {
    return predecessorOf(certificate, await this.#relatedTo(certificate))?._id ?? '';
  }

  async #relatedTo({ renewal }: LinkedCertificate): Promise<LinkedCertificate[]> {
    const keys = Object.entries(renewal ?? {}) as [keyof RenewalKeys, string][];
    const groups = await Promise.all(keys.map(([key, value]) => this.#group(key, value)));
    return [...new Map(groups.flat().map((one) => [one._id, one])).values()];
  }

  #group(key: keyof RenewalKeys, value: string): Promise<LinkedCertificate[]> {
    const known = this.#groups.get(key + value);
    if (known) return known;
    const asked = this.#replacements.ofKey(key, value);
    this.#groups.set(key + value, asked);
    return asked;
  }

  async #update(certificate: LinkedCertificate, replaces: string): Promise<void> {
    const { certificates, clock } = this.#context;
    for (let now: LinkedCertificate | undefined = certificate; now;) {
      if (now.linkedBy === 'person' || (now.replaces ?? '') === replaces) return;
      const time = clock.now();
      const event = certificateChanged('updated', now, { time, changes: ['replaces'] });
      const fields = { replaces, linkedBy: 'rule', updatedAt: time } as const;
      if (await certificates.update(now, fields, event)) return void Object.assign(certificate, fields);
      // Somebody else was faster: what they changed stays.
      now = await certificates.find(certificate._id);
    }
  }
}
