import { z } from 'zod';
import { certificateFacts } from './certificate-facts.ts';
import { named } from './component.ts';
import { endpointFields } from './probes.ts';
import { NOTHING, type Operations } from './operation.ts';
import { filter, listOf, page } from './paging.ts';
import { storePolicy, storePolicyChoice } from './policies.ts';
import { idParams, stringMap, text, time } from './scalars.ts';

const config = z.record(z.string(), z.unknown()).describe('By the JSON schema of the kind');
const labels = stringMap;

export const aliasRule = named(
  'AliasRule',
  z.enum(['required', 'optional', 'none']).describe('Whether the entries of a store have names'),
);
export const storeOperation = named('StoreOperation', z.enum(['add', 'remove']));

export const storeKind = named(
  'StoreKind',
  z.object({
    kind: z.string(),
    title: z.string(),
    description: z.string(),
    operations: z.array(storeOperation),
    alias: aliasRule,
    configSchema: z
      .record(z.string(), z.unknown())
      .describe('JSON Schema 2020-12; properties with writeOnly are secrets and never answered'),
  }),
);
export type StoreKind = z.infer<typeof storeKind>;

const endpoints = {
  items: z.array(
    named(
      'StoreEndpoint',
      z.strictObject({
        ...endpointFields,
        alias: text(200).optional().describe('Only jobs of this entry look here; default: every job'),
      }),
    ),
  ),
  graceSeconds: z.int().min(0).max(120).describe('How long a server may go on showing something else; default: 30'),
  attempts: z
    .int()
    .min(1)
    .max(100)
    .describe('How often each is looked at within that time, the first time at once; default: 16'),
  onMismatch: named('OnMismatch', z.enum(['fail', 'rollback'])).describe(
    'Whether what the store held before is written back when the job fails; default: "fail"',
  ),
};
export const storeEndpoints = named(
  'StoreEndpoints',
  z.object(endpoints).describe('Where what the store holds is served: looked at after every job that adds'),
);
export type StoreEndpoints = z.infer<typeof storeEndpoints>;
const endpointsDraft = named(
  'StoreEndpointsDraft',
  z.strictObject({ ...z.object(endpoints).partial().shape, items: endpoints.items.max(20) }),
);

export const renewalMode = named('RenewalMode', z.enum(['automatic', 'ask', 'never']));
export type RenewalMode = z.infer<typeof renewalMode>;
const leadTimeDays = z
  .int()
  .optional()
  .describe('Of automatic: not earlier than so many days before the end of what is there');
export const renewalChoice = named(
  'RenewalChoice',
  z
    .strictObject({ mode: renewalMode, leadTimeDays })
    .describe('What is done when a certificate is replaced that it holds'),
);

export type RenewalChoice = z.infer<typeof renewalChoice>;
const hookUse = named(
  'HookUse',
  z.strictObject({
    hook: text(100).describe('Of those that the server’s configuration has'),
    parameters: stringMap.optional(),
  }),
);
const hookUses = z.array(hookUse).max(10);
const storeHooks = named(
  'StoreHooks',
  z.strictObject({
    before: hookUses.optional().describe('Before each write'),
    after: hookUses.optional().describe('After each write: the tests of all, then what loads it'),
  }),
);
const keepVersions = z.int().min(0).max(20).describe('Contents of a place that are kept when they are written over');

export const store = named(
  'Store',
  z.object({
    id: z.string(),
    name: z.string(),
    kind: z.string(),
    config,
    labels,
    endpoints: storeEndpoints.optional(),
    hooks: storeHooks.optional(),
    keepVersions,
    policy: storePolicy,
    renewal: renewalChoice.optional().describe('Absent: ask'),
    createdAt: time,
    updatedAt: time,
  }),
);
export type Store = z.infer<typeof store>;

export const storeDraft = named(
  'StoreDraft',
  z.strictObject({
    name: text(200),
    kind: text(100),
    config,
    labels: labels.optional(),
    endpoints: endpointsDraft.optional(),
    hooks: storeHooks.optional(),
    keepVersions: keepVersions.optional(),
    policy: storePolicyChoice.optional(),
    renewal: renewalChoice.optional(),
  }),
);
export type StoreDraft = z.input<typeof storeDraft>;
export const storePatch = named(
  'StorePatch',
  z.strictObject({
    name: text(200).optional(),
    config: config.optional().describe('Replaces all; secrets that are left out stay'),
    labels: labels.optional(),
    endpoints: endpointsDraft.optional().describe('Replaces all; without items: what is served is not looked at'),
    policy: storePolicyChoice.optional().describe('Replaces all'),
    renewal: renewalChoice.optional(),
    hooks: storeHooks.optional().describe('Replaces all'),
    keepVersions: keepVersions.optional(),
  }),
);

export const storeTest = named(
  'StoreTest',
  z.object({
    ok: z.boolean(),
    checks: z.array(named('StoreCheck', z.object({ name: z.string(), ok: z.boolean(), message: z.string() }))),
  }),
);
export type StoreTest = z.infer<typeof storeTest>;

const entryCertificate = named('EntryCertificate', certificateFacts.extend({ der: z.string().describe('Base64') }));
export const storeEntry = named(
  'StoreEntry',
  z.object({
    alias: z.string(),
    fingerprintSha256: z.string(),
    thumbprint: z.string(),
    subject: z.string(),
    notAfter: time,
    hasPrivateKey: z.boolean(),
    chainLength: z.int(),
    certificate: entryCertificate,
    chain: z.array(entryCertificate).describe('What follows the leaf, nearest issuer first'),
  }),
);
export type StoreEntry = z.infer<typeof storeEntry>;

const tag = 'stores';

export const storeOperations = {
  listStoreKinds: {
    method: 'GET',
    path: '/v1/store-kinds',
    tag,
    summary: 'Kinds of stores, their operations and the JSON schema of their config',
    answers: { 200: named('StoreKindList', listOf(storeKind)) },
  },
  createStore: {
    method: 'POST',
    path: '/v1/stores',
    tag,
    summary: 'Add a store',
    body: storeDraft,
    idempotent: true,
    answers: { 201: store },
  },
  testStoreDraft: {
    method: 'POST',
    path: '/v1/stores/test',
    tag,
    summary: 'Try a store before it is added',
    body: storeDraft,
    answers: { 200: storeTest },
  },
  listStores: {
    method: 'GET',
    path: '/v1/stores',
    tag,
    summary: 'List stores by name',
    query: z.object({ filter: filter.describe('Name -eq "web" AND label.rack -eq "7"'), ...page }),
    answers: { 200: named('StoreList', listOf(store)) },
  },
  getStore: {
    method: 'GET',
    path: '/v1/stores/{id}',
    tag,
    summary: 'Get a store, without its secrets',
    params: idParams,
    answers: { 200: store },
    errors: [404],
  },
  updateStore: {
    method: 'PATCH',
    path: '/v1/stores/{id}',
    tag,
    summary: 'Change a store',
    params: idParams,
    body: storePatch,
    answers: { 200: store },
    errors: [404, 409],
  },
  deleteStore: {
    method: 'DELETE',
    path: '/v1/stores/{id}',
    tag,
    summary: 'Forget a store; what it holds stays',
    params: idParams,
    answers: { 204: NOTHING },
    errors: [404, 409],
  },
  testStore: {
    method: 'POST',
    path: '/v1/stores/{id}/test',
    tag,
    summary: 'Try to read and to write a store without changing it',
    params: idParams,
    answers: { 200: storeTest },
    errors: [404],
  },
  listStoreEntries: {
    method: 'GET',
    path: '/v1/stores/{id}/entries',
    tag,
    summary: 'What a store holds now',
    params: idParams,
    answers: { 200: named('StoreEntryList', listOf(storeEntry)) },
    errors: [404, 409],
  },
} as const satisfies Operations;
