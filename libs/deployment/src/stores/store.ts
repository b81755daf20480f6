import { invalid } from '@certferry/core';
import type { PolicyChoice } from '../policies/policy.ts';
import type { EndpointsDraft, StoreEndpoints } from '../looks/endpoints.ts';
import type { RenewalChoice } from '../renewals/renewal-choice.ts';
import type { HookChoice } from '../hooks/hook-choice.ts';

/** A place that certificates are deployed to. */
export interface Store {
  _id: string;
  name: string;
  kind: string;
  /** Without its secrets. */
  config: Record<string, unknown>;
  /** The secrets of the config as JSON, sealed. */
  sealedSecrets?: Buffer;
  labels: { key: string; value: string }[];
  policy?: PolicyChoice;
  /** Absent: what is served is not looked at. */
  endpoints?: StoreEndpoints;
  /** What it occupies, as its driver says: no two stores share one. Absent where nobody can say, and in stores from before it was kept. */
  places?: string[];
  renewal?: RenewalChoice;
  hooks?: HookChoice;
  /** Contents of a place that are kept when they are written over; absent: 3. */
  keepVersions?: number;
  createdAt: Date;
  updatedAt: Date;
}

/** What a person says of a store: all of it makes one, parts change one. */
export interface StoreDraft {
  name: string;
  kind: string;
  config: Record<string, unknown>;
  labels: Record<string, string>;
  policy?: PolicyChoice;
  endpoints?: EndpointsDraft;
  renewal?: RenewalChoice;
  hooks?: HookChoice;
  keepVersions?: number;
}

const MAX_NAME_CHARACTERS = 200;
const MAX_LABELS = 100;

/** INVALID_ARGUMENT INVALID_FIELD says which limit is broken. */
export function checkNameAndLabels({ name, labels }: Pick<StoreDraft, 'name' | 'labels'>): void {
  if (name.trim() === '' || name.length > MAX_NAME_CHARACTERS) {
    throw invalid('INVALID_FIELD', `The name of a store must have 1 to ${MAX_NAME_CHARACTERS} characters.`, {
      field: 'name',
    });
  }
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS)
    throw invalid('INVALID_FIELD', `A store can have at most ${MAX_LABELS} labels.`, { field: 'labels' });
  for (const [key, value] of entries) {
    if (key === '' || key.length > 100 || value.length > 1_000) {
      throw invalid('INVALID_FIELD', 'A label has a key of 1 to 100 and a text of up to 1,000 characters.', {
        field: 'labels',
      });
    }
  }
}

/** Pairs, so that a key is never a path or an operator to the database. */
export const toLabels = (labels: Record<string, string>): Store['labels'] =>
  Object.entries(labels).map(([key, value]) => ({ key, value }));

export const fromLabels = (labels: Store['labels']): Record<string, string> =>
  Object.fromEntries(labels.map(({ key, value }) => [key, value]));
