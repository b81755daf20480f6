import { isDeepStrictEqual } from 'node:util';
import { createHash } from 'node:crypto';
import { precondition } from '@certferry/core';
import { z } from 'zod';
import type { DriverContext } from '../driver-context.ts';
import {
  changedMeanwhile,
  isAnother,
  toEntryCertificate,
  type AddChange,
  type EntryCertificate,
  type OpenStore,
  type PreparedChange,
  type StoreChange,
  type StoreDriver,
  type StoreEntry,
} from '../store-driver.ts';
import type { AcmCertificate, AcmRegion } from './acm-client.ts';

const config = z.strictObject({
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'is a region such as eu-central-1')
    .describe('The region; certificates of CloudFront belong to us-east-1.'),
  accessKeyId: z.string().min(1).max(128).describe('Of an IAM user or role.'),
  secretAccessKey: z.string().min(1).max(128).describe('The secret of the access key.').meta({ writeOnly: true }),
  sessionToken: z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe('Of temporary credentials; they are not renewed.')
    .meta({ writeOnly: true }),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where the API is, if not at the region’s own address: a VPC endpoint.'),
});

/** Imported certificates of AWS Certificate Manager, as load balancers, CloudFront and API Gateway use them. */
export const awsAcm: StoreDriver<typeof config> = {
  kind: 'aws-acm',
  title: 'AWS Certificate Manager',
  description: 'Imported certificates of one region. A renewal keeps the ARN, so what uses it serves the new one.',
  alias: 'required',
  config,
  tried: {
    open: 'The config is complete.',
    write: 'The certificates can be listed and read; whether they may be imported, AWS says at the first deployment.',
  },
  holdsPrivateKey: () => true,
  async open(access, context) {
    context.signal.throwIfAborted();
    // The SDK takes 150 ms to load: nobody waits for it who has no such store.
    const { AcmRegion } = await import('./acm-client.ts');
    return new AcmStore(new AcmRegion(access, context), context);
  },
};

interface Held {
  arn: string;
  entry: StoreEntry;
}

class AcmStore implements OpenStore {
  readonly #region: AcmRegion;
  readonly #context: DriverContext;

  constructor(region: AcmRegion, context: DriverContext) {
    this.#region = region;
    this.#context = context;
  }

  async revision(): Promise<string> {
    return revisionOf(await this.#read());
  }

  async entries(): Promise<StoreEntry[]> {
    return (await this.#read()).map(({ entry }) => entry);
  }

  async #read(): Promise<Held[]> {
    const certificates = await this.#region.list();
    const names = new Set<string>();
    const held: Held[] = [];
    for (const one of certificates.sort((a, b) => (a.arn < b.arn ? -1 : 1))) {
      const isNamed = one.name !== undefined && one.name !== '' && !names.has(one.name.toLowerCase());
      const alias = isNamed ? one.name! : one.arn;
      names.add(alias.toLowerCase());
      held.push({ arn: one.arn, entry: await this.#toEntry(alias, one) });
    }
    return held;
  }

  async #toEntry(alias: string, { arn, pem }: AcmCertificate): Promise<StoreEntry> {
    const { certificates, failures } = await this.#context.parser.inspect({ content: Buffer.from(pem) });
    const [leaf, ...chain] = certificates.map(toEntryCertificate);
    if (leaf && failures.length === 0) return { alias, ...leaf, hasPrivateKey: true, chain: continued(leaf, chain) };
    throw precondition('STORE_UNREADABLE', `What ACM answers for ${arn} cannot be read as a certificate.`, { arn });
  }

  async prepare(change: StoreChange): Promise<PreparedChange> {
    const held = await this.#read();
    const alias = change.alias.toLowerCase();
    const place = held.find(({ arn, entry }) => entry.alias.toLowerCase() === alias || arn === change.alias);
    const oldRevision = revisionOf(held);
    const told = { oldRevision, held: place?.entry, removesKey: false };
    const nothing = { ...told, changes: [], newRevision: oldRevision, write: () => Promise.resolve() };
    if (change.action === 'remove') {
      if (!place) return nothing;
      if (isAnother(change, place.entry)) throw holdsAnother('ANOTHER_CERTIFICATE', place, ' than the one to remove');
    } else {
      if (place && isSame(place.entry, change)) return nothing;
      if (place && place.entry.facts.fingerprintSha256 !== change.fingerprintSha256 && !change.overwrite)
        throw holdsAnother('ALIAS_EXISTS', place, '; allow overwrite to replace it');
      if (!change.privateKey)
        throw precondition('NO_PRIVATE_KEY', 'ACM takes certificates with their private keys alone.');
    }
    const wanted = change.action === 'add' ? change.fingerprintSha256 : '';
    const name = place?.entry.alias ?? change.alias;
    return {
      changes: [
        {
          operation: change.action === 'remove' ? 'delete' : place ? 'replace' : 'create',
          what: place ? `"${name}" (${place.arn})` : `"${name}"`,
          oldFingerprintSha256: place?.entry.facts.fingerprintSha256 ?? '',
          newFingerprintSha256: wanted,
        },
      ],
      ...told,
      newRevision: revisionAfter(held, place, change),
      write: async () => {
        if ((await this.revision()) !== oldRevision) throw changedMeanwhile();
        if (change.action === 'remove') await this.#region.delete(place!.arn);
        else await this.#region.import({ ...change, privateKey: change.privateKey! }, place?.arn);
      },
    };
  }

  /** ACM never gives out a key that was imported. */
  snapshot = () => Promise.resolve(undefined);
  prepareRestore = () =>
    Promise.reject(precondition('NO_WAY_BACK', 'AWS Certificate Manager does not give out what it held before.'));
  cleanUp = () => Promise.resolve();

  async tryWriting(): Promise<void> {
    await this.#read();
  }

  close(): Promise<void> {
    this.#region.close();
    return Promise.resolve();
  }
}

/** What continues the chain: behind what was imported ACM may answer a root that has nothing to do with it. */
function continued(leaf: EntryCertificate, others: EntryCertificate[]): EntryCertificate[] {
  const chain: EntryCertificate[] = [];
  for (const one of others) {
    const last = chain.at(-1) ?? leaf;
    if (last.facts.selfIssued || last.facts.issuer !== one.facts.subject) break;
    chain.push(one);
  }
  return chain;
}

const holdsAnother = (reason: string, { entry }: Held, rest: string): Error =>
  precondition(reason, `"${entry.alias}" holds another certificate${rest}.`, {
    alias: entry.alias,
    held: entry.facts.fingerprintSha256,
  });

const fingerprint = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

function isSame({ facts, chain }: StoreEntry, change: AddChange): boolean {
  const links = chain.map((link) => link.facts.fingerprintSha256);
  const wanted = change.chain.map(fingerprint);
  return facts.fingerprintSha256 === change.fingerprintSha256 && isDeepStrictEqual(links, wanted);
}

/** Of names and certificates: a new certificate's ARN is not known before it is there. */
const digest = (places: [alias: string, fingerprints: string[]][]): string =>
  fingerprint(Buffer.from(JSON.stringify(places.sort(([a], [b]) => (a < b ? -1 : 1)))));

const toPlace = ({ entry }: Held): [string, string[]] => [
  entry.alias,
  [entry, ...entry.chain].map((one) => one.facts.fingerprintSha256),
];

const revisionOf = (held: Held[]): string => digest(held.map(toPlace));

function revisionAfter(held: Held[], place: Held | undefined, change: StoreChange): string {
  const others = held.filter((one) => one !== place).map(toPlace);
  if (change.action === 'remove') return digest(others);
  return digest([
    ...others,
    [place?.entry.alias ?? change.alias, [change.certificate, ...change.chain].map(fingerprint)],
  ]);
}
