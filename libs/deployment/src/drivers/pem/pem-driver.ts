import { precondition } from '@certferry/core';
import { readPem, readPrivateKey, writePem } from '@certferry/x509';
import { z } from 'zod';
import { digestOf, FileSet, type FileContents } from '../../files/file-set.ts';
import type {
  Change,
  DriverContext,
  OpenStore,
  PreparedChange,
  StoreChange,
  StoreDriver,
  StoreEntry,
} from '../driver.ts';

const path = z.string().min(1).max(4_096);

const config = z
  .strictObject({
    certificatePath: path.optional().describe('The certificate alone.'),
    chainPath: path.optional().describe('The issuers, nearest first, without the certificate.'),
    fullChainPath: path.optional().describe('The certificate, then its issuers.'),
    keyPath: path.optional().describe('The private key, PKCS#8, not encrypted, mode 0600.'),
  })
  .refine(
    (paths) => paths.certificatePath !== undefined || paths.fullChainPath !== undefined,
    'needs certificatePath or fullChainPath',
  )
  .refine((paths) => new Set(Object.values(paths)).size === Object.values(paths).length, 'uses one path twice');

type PemConfig = z.infer<typeof config>;

const ROLES = {
  certificatePath: 'certificate.pem',
  chainPath: 'chain.pem',
  fullChainPath: 'fullchain.pem',
  keyPath: 'key.pem',
} as const;

/** PEM files on the local file system, as nginx, Apache httpd, HAProxy and Postfix read them. */
export const pem: StoreDriver<typeof config> = {
  kind: 'pem',
  title: 'PEM files',
  description:
    'One certificate as PEM files on the local file system. Several files change as one, behind a symbolic link.',
  alias: 'none',
  config,
  holdsPrivateKey: ({ keyPath }) => keyPath !== undefined,
  async open(paths, context) {
    const files: Record<string, string> = {};
    for (const [field, role] of Object.entries(ROLES)) {
      const given = paths[field as keyof PemConfig];
      if (given !== undefined) files[role] = await context.roots.resolve(given);
    }
    return new PemStore(files, context);
  },
};

class PemStore implements OpenStore {
  readonly #paths: Record<string, string>;
  readonly #files: FileSet;
  readonly #context: DriverContext;

  constructor(paths: Record<string, string>, context: DriverContext) {
    this.#paths = paths;
    this.#files = new FileSet(paths, context.storeId);
    this.#context = context;
  }

  async digest(): Promise<string> {
    return digestOf(await this.#files.read());
  }

  cleanUp = () => this.#files.cleanUp();
  tryWriting = () => this.#files.tryWriting();

  async entries(): Promise<StoreEntry[]> {
    const entry = await this.#entryOf(await this.#files.read());
    return entry ? [entry] : [];
  }

  async #entryOf(contents: FileContents): Promise<StoreEntry | undefined> {
    const certificates = contents['fullchain.pem'] ?? contents['certificate.pem'];
    if (!certificates) return undefined;
    const together = [certificates, contents['chain.pem'], contents['key.pem']].filter((one) => one !== undefined);
    const inspection = await this.#context.parser.inspect({
      content: Buffer.concat(together.flatMap((one) => [one, Buffer.from('\n')])),
    });
    const [leaf, ...issuers] = inspection.certificates;
    if (!leaf || inspection.failures.length > 0)
      throw unreadable(this.#paths, inspection.failures[0]?.message ?? 'no certificate');
    if (contents['key.pem'] && leaf.key === undefined)
      throw unreadable(this.#paths, 'the key is not the key of the certificate');
    const { fingerprintSha256, thumbprint, subject, notAfter } = leaf.facts!;
    const chain = issuers.map((one) => one.facts!.fingerprintSha256).filter((one) => one !== fingerprintSha256);
    return {
      alias: '',
      fingerprintSha256,
      thumbprint,
      subject,
      notAfter: notAfter!,
      hasPrivateKey: leaf.key !== undefined,
      chain: [...new Set(chain)],
    };
  }

  async prepare(change: StoreChange): Promise<PreparedChange> {
    const old = await this.#files.read();
    const isEmpty = Object.values(old).every((content) => content === undefined);
    const entry = await this.#entryOf(old).catch(() => undefined);
    const held = entry?.fingerprintSha256 ?? '';
    if (change.action === 'remove' && !isEmpty && held !== change.fingerprintSha256) {
      throw precondition('ANOTHER_CERTIFICATE', 'The files hold another certificate than the one to remove.', { held });
    }
    if (change.action === 'add' && !isEmpty && held !== change.fingerprintSha256 && !change.overwrite) {
      throw precondition('ALIAS_EXISTS', 'The files hold another certificate; allow overwrite to replace it.', {
        held,
      });
    }
    const next =
      change.action === 'add'
        ? this.#contentsFor(change, old)
        : Object.fromEntries(Object.keys(old).map((role) => [role, undefined]));
    const changes = this.#compare(old, next, { held, wanted: change.action === 'add' ? change.fingerprintSha256 : '' });
    const oldDigest = digestOf(old);
    return { changes, oldDigest, newDigest: digestOf(next), write: () => this.#files.write(next, oldDigest) };
  }

  #contentsFor(change: Extract<StoreChange, { action: 'add' }>, old: FileContents): FileContents {
    const leaf = writePem('CERTIFICATE', change.certificate);
    const chain = change.chain.map((der) => writePem('CERTIFICATE', der)).join('');
    const all: FileContents = {
      'certificate.pem': Buffer.from(leaf),
      'chain.pem': Buffer.from(chain),
      'fullchain.pem': Buffer.from(leaf + chain),
    };
    if (this.#paths['key.pem']) all['key.pem'] = keyFor(change, old['key.pem']);
    return Object.fromEntries(Object.keys(this.#paths).map((role) => [role, all[role]]));
  }

  #compare(old: FileContents, next: FileContents, fingerprints: { held: string; wanted: string }): Change[] {
    const changes: Change[] = [];
    for (const [role, what] of Object.entries(this.#paths)) {
      const [before, after] = [old[role], next[role]];
      if (before === after || (before && after && before.equals(after))) continue;
      const operation = !before ? 'create' : after ? 'replace' : 'delete';
      changes.push({
        operation,
        what,
        oldFingerprintSha256: before ? fingerprints.held : '',
        newFingerprintSha256: after ? fingerprints.wanted : '',
      });
    }
    return changes;
  }
}

/** The key to write; without one the key that is there stays, if it is the certificate's. */
function keyFor(change: Extract<StoreChange, { action: 'add' }>, old: Buffer | undefined): Buffer {
  if (change.privateKey) return Buffer.from(writePem('PRIVATE KEY', change.privateKey));
  const block = old && readPem(old).find((one) => one.label === 'PRIVATE KEY');
  const matches = block?.bytes && readPrivateKey(block.bytes, 'pkcs8').publicKeySha256 === change.publicKeySha256;
  if (old && matches) return old;
  throw precondition(
    'NO_PRIVATE_KEY',
    'The store has a keyPath, but the certificate comes without its private key and the key there is not its key.',
  );
}

function unreadable(paths: Record<string, string>, why: string): Error {
  return precondition(
    'STORE_UNREADABLE',
    `The files ${Object.values(paths).join(', ')} cannot be read as a certificate: ${why}.`,
  );
}
