import type { PolicyAction, Rule } from './policy.ts';

/** What is to be known of a change of a store before it is made. */
export interface Finding {
  rule: Rule | 'keyRemoval' | 'unknownKey';
  severity: Exclude<PolicyAction, 'allow'>;
  /** A sentence. */
  message: string;
}
