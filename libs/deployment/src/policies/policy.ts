import type { deploymentV1 } from '@certferry/contracts';
import { invalid } from '@certferry/core';

/** What is looked at before a certificate is written. */
export const RULES = ['expired', 'notYetValid', 'weak', 'chain', 'names'] as const;
export type Rule = (typeof RULES)[number];

const ACTIONS = ['refuse', 'warn', 'allow'] as const;
export type PolicyAction = (typeof ACTIONS)[number];

/** What becomes of a deployment that a rule has a finding for. */
export type Policy = Record<Rule, PolicyAction>;
/** What a store says of it; the rest is the default. */
export type PolicyChoice = Partial<Policy>;

const DEFAULTS: Policy = { expired: 'refuse', notYetValid: 'warn', weak: 'warn', chain: 'warn', names: 'refuse' };

export const policyOf = ({ policy }: { policy?: PolicyChoice }): Policy => ({ ...DEFAULTS, ...policy });

/** INVALID_ARGUMENT INVALID_FIELD for a word that is no action. */
export function fromPolicy(policy: deploymentV1.StorePolicy | undefined): PolicyChoice | undefined {
  if (!policy) return undefined;
  const chosen: PolicyChoice = {};
  for (const rule of RULES) {
    const word = policy[rule];
    if (word === '') continue;
    const action = ACTIONS.find((one) => one === word);
    if (!action)
      throw invalid('INVALID_FIELD', `policy.${rule} is one of ${ACTIONS.join(', ')}, not "${word}".`, {
        field: `policy.${rule}`,
      });
    chosen[rule] = action;
  }
  return chosen;
}
