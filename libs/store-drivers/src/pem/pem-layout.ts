import { readCertificate } from '@certferry/x509';
import type { StoreParser } from '../driver-context.ts';
import { keyFor, requireKey, unreadable, type FileLayout } from '../files/certificate-files.ts';
import type { FileContents } from '../files/file-set.ts';
import { toEntryCertificate, type AddChange, type StoreEntry, type StoreNote } from '../store-driver.ts';
import { mergePem, type KeyForm } from './merge-pem.ts';
import { holdsPemKey } from './pem-parts.ts';

export interface PemLayoutOptions {
  parser: StoreParser;
  /** Whether the root goes with the chain. */
  includeRoot: boolean;
  combinedWithoutChain: boolean;
  keyForm?: KeyForm | undefined;
  keyFirst?: boolean | undefined;
}

/** One certificate in the files of the roles given. */
export function pemLayout(roles: string[], options: PemLayoutOptions): FileLayout {
  const { keyForm, keyFirst } = options;
  const form = keyForm && { keyForm };
  return {
    encode(change, old) {
      const leaf = change.certificate;
      const chain = chainToSend(change, options.includeRoot);
      // A server does not start with an empty one, and one with the root does no harm.
      const alone = chain.length > 0 ? chain : change.chain;
      const combinedKey = keyFor(change, old['combined.pem']);
      const combinedChain = options.combinedWithoutChain ? [] : chain;
      const contents: Record<string, () => Buffer | undefined> = {
        'certificate.pem': () => mergePem(old['certificate.pem'], { certificates: [leaf] }),
        'chain.pem': () => (alone.length > 0 ? mergePem(old['chain.pem'], { certificates: alone }) : undefined),
        'fullchain.pem': () => mergePem(old['fullchain.pem'], { certificates: [leaf, ...chain] }),
        'key.pem': () => mergePem(old['key.pem'], { key: requireKey(change, old['key.pem']), ...form }),
        'combined.pem': () =>
          mergePem(old['combined.pem'], {
            certificates: [leaf, ...combinedChain],
            ...(combinedKey && { key: combinedKey }),
            ...form,
            ...(keyFirst !== undefined && { keyFirst }),
          }),
      };
      return Object.fromEntries(roles.map((role) => [role, contents[role]!()]));
    },
    decode: (contents) => decodePem(contents, options.parser),
    holdsKey: holdsPemKey,
    notes: (change) =>
      roles.some((role) => role !== 'certificate.pem' && role !== 'key.pem') ? chainNotes(change) : [],
  };
}

/** What a server sends: clients have the root, or do not trust it. */
function chainToSend({ chain }: AddChange, includeRoot: boolean): Buffer[] {
  const last = chain.at(-1);
  return !includeRoot && last && readCertificate(last).selfIssued ? chain.slice(0, -1) : chain;
}

function chainNotes({ certificate, chain }: AddChange): StoreNote[] {
  if (chain.length > 0 || readCertificate(certificate).selfIssued) return [];
  const message =
    'The certificate goes without its issuer’s, which the inventory does not have: clients that do not know the issuer refuse it. Import the issuer’s certificate.';
  return [{ code: 'CHAIN_INCOMPLETE', message }];
}

async function decodePem(contents: FileContents, parser: StoreParser): Promise<StoreEntry[]> {
  const certificates = contents['fullchain.pem'] ?? contents['combined.pem'] ?? contents['certificate.pem'];
  if (!certificates) return [];
  const together = [certificates, contents['chain.pem'], contents['key.pem'], contents['combined.pem']];
  const content = Buffer.concat(together.flatMap((one) => (one ? [one, Buffer.from('\n')] : [])));
  const inspection = await parser.inspect({ content });
  const [leaf, ...issuers] = inspection.certificates;
  if (!leaf || inspection.failures.length > 0)
    throw unreadable(contents, inspection.failures[0]?.message ?? 'no certificate');
  if (contents['key.pem'] && leaf.key === undefined)
    throw unreadable(contents, 'the key is not the key of the certificate');
  const chain = new Map(issuers.map((one) => [one.facts!.fingerprintSha256, toEntryCertificate(one)]));
  chain.delete(leaf.facts!.fingerprintSha256);
  const hasPrivateKey = leaf.key !== undefined;
  return [{ alias: '', ...toEntryCertificate(leaf), hasPrivateKey, chain: [...chain.values()] }];
}
