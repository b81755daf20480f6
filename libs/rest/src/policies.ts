import { z } from 'zod';
import { named } from './component.ts';
import { time } from './scalars.ts';

export const policyAction = named('PolicyAction', z.enum(['refuse', 'warn', 'allow']));
export type PolicyAction = z.infer<typeof policyAction>;

/** What a store's policy looks at. */
export const POLICY_RULES = ['expired', 'notYetValid', 'weak', 'chain', 'names'] as const;

export const storePolicy = named(
  'StorePolicy',
  z
    .object({
      expired: policyAction,
      notYetValid: policyAction,
      weak: policyAction.describe('A short key; MD5 or SHA-1 in its signature or an issuer’s'),
      chain: policyAction.describe('Self-signed, its issuer unknown, or an issuer that has expired'),
      names: policyAction.describe('For none of the names of what it replaces'),
    })
    .describe('What becomes of a deployment that a rule has a finding for'),
);
export type StorePolicy = z.infer<typeof storePolicy>;

export const storePolicyChoice = named(
  'StorePolicyChoice',
  z
    .strictObject({
      expired: policyAction.optional(),
      notYetValid: policyAction.optional(),
      weak: policyAction.optional(),
      chain: policyAction.optional(),
      names: policyAction.optional(),
    })
    .describe('What is left out has its default: refuse for expired and names, else warn'),
);

export const policyFinding = named(
  'PolicyFinding',
  z.object({
    rule: z.enum([...POLICY_RULES, 'keyRemoval', 'unknownKey']),
    severity: z.enum(['refuse', 'warn']),
    message: z.string(),
  }),
);
export type PolicyFinding = z.infer<typeof policyFinding>;

export const heldCertificate = named(
  'HeldCertificate',
  z.object({ fingerprintSha256: z.string(), subject: z.string(), notAfter: time, hasPrivateKey: z.boolean() }),
);
