import { byAge, newestOf, type Replaceable } from './renewal-rule.ts';

export interface Candidate extends Replaceable {
  enabled: boolean;
  hasPrivateKey: boolean;
}

const isUsable =
  (now: Date, withKey: boolean) =>
  ({ enabled, hasPrivateKey, facts }: Candidate): boolean =>
    enabled && (hasPrivateKey || !withKey) && facts.notAfter > now;

/** The newest that is enabled and valid now; where none is yet, the first that will be. */
export function chooseSuccessor<T extends Candidate>(
  candidates: readonly T[],
  { now, withKey }: { now: Date; withKey: boolean },
): T | undefined {
  const usable = candidates.filter(isUsable(now, withKey));
  return newestOf(usable.filter(({ facts }) => facts.notBefore <= now)) ?? [...usable].sort(byAge)[0];
}

/** The newest that is enabled and valid now, with its private key if there is such a one and that is wished for. */
export function chooseNewest<T extends Candidate>(
  candidates: readonly T[],
  { now, key }: { now: Date; key: 'any' | 'preferred' | 'required' },
): T | undefined {
  const choose = (withKey: boolean) =>
    newestOf(candidates.filter(isUsable(now, withKey)).filter(({ facts }) => facts.notBefore <= now));
  if (key === 'any') return choose(false);
  return choose(true) ?? (key === 'preferred' ? choose(false) : undefined);
}
