import type { Certificate } from '../certificates/certificate.ts';
import type { Certificates } from '../certificates/certificates.ts';
import { byAge } from './renewal-rule.ts';
import type { LinkedCertificate, Replacements } from './replacements.ts';

const MOST_GENERATIONS = 100;

/** What a certificate replaces, directly or not, nearest first. */
export async function listReplaced(
  { certificates }: { certificates: Certificates },
  certificate: Certificate,
): Promise<Certificate[]> {
  const found: Certificate[] = [];
  for (let next = certificate.replaces; next && found.length < MOST_GENERATIONS;) {
    const older =
      next === certificate._id || found.some(({ _id }) => _id === next) ? undefined : await certificates.find(next);
    if (!older) break;
    found.push(older);
    next = older.replaces;
  }
  return found;
}

/** Of each of these certificates all that replace it, directly or not. */
export async function findDescendants(
  replacements: Replacements,
  roots: readonly LinkedCertificate[],
): Promise<Map<string, LinkedCertificate[]>> {
  const descendants = new Map(roots.map(({ _id }) => [_id, new Map<string, LinkedCertificate>()]));
  /** Which of the roots a certificate of the last generation comes from. */
  let generation = new Map(roots.map(({ _id }) => [_id, new Set([_id])]));
  for (let depth = 0; generation.size > 0 && depth < MOST_GENERATIONS; depth++) {
    const next = new Map<string, Set<string>>();
    for (const one of await replacements.replacing([...generation.keys()]))
      for (const root of generation.get(one.replaces!)!) {
        const known = descendants.get(root)!;
        if (known.has(one._id) || one._id === root) continue;
        known.set(one._id, one);
        next.set(one._id, (next.get(one._id) ?? new Set<string>()).add(root));
      }
    generation = next;
  }
  return new Map([...descendants].map(([root, found]) => [root, [...found.values()]]));
}

/** Of each of these certificates the id of the newest that replaces it directly; those that none does are left out. */
export async function findReplacedBy(replacements: Replacements, ids: string[]): Promise<Map<string, string>> {
  const replacing = (await replacements.replacing(ids)).sort(byAge);
  return new Map(replacing.map(({ _id, replaces }) => [replaces!, _id]));
}
