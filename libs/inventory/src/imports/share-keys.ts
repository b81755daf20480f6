import type { Clock } from '@certferry/core';
import type { SecretKeeper } from '@certferry/secrets';
import { keyContext } from '../certificates/certificate.ts';
import { certificateChanged } from '../certificates/certificate-changed.ts';
import { isKeyOf, type Certificates, type KeyHolder, type PublicKeyHashes } from '../certificates/certificates.ts';
import type { ImportItem } from './import.ts';

export interface SharingContext {
  certificates: Certificates;
  secrets: SecretKeeper;
  clock: Clock;
}

/** What became of an arrival, and its public key. */
export interface SavedItem extends PublicKeyHashes {
  item: ImportItem;
  privateKey?: Uint8Array;
}

/** Who has a private key: the arrival that brought it, or a certificate of the inventory. */
interface Donor extends PublicKeyHashes {
  privateKey?: Uint8Array;
  certificateId: string;
}

/** How many certificates get their key at a time: they share a commit. */
const BATCH = 100;

/**
 * A key fits every certificate with its public key: those that were just saved without it get it from the inventory, and
 * those of the inventory from what was just saved. The items say so. Called after saving: of two imports at once, one with
 * the key and one with the certificate, the later sees what the earlier has written.
 */
export async function shareKeys(
  context: SharingContext,
  saved: SavedItem[],
  { dryRun }: { dryRun: boolean },
): Promise<void> {
  const taken = saved.filter(({ item }) => item.result !== 'failed');
  const donors = await findDonors(context, taken);
  if (donors.size === 0) return;
  const keyless = await context.certificates.findKeyHolders([...donors.values()], { hasPrivateKey: false });
  const refused = new Set(saved.filter((one) => !taken.includes(one)).map(({ item }) => item.fingerprintSha256));
  const recipients = keyless.filter(({ fingerprintSha256 }) => !refused.has(fingerprintSha256));
  for (let at = 0; at < recipients.length; at += BATCH)
    await Promise.all(
      recipients.slice(at, at + BATCH).map(async (holder) => {
        const donor = donorOf(donors, holder)!;
        if (dryRun || (await giveKey(context, holder, donor))) noteKey(taken, holder, donor);
      }),
    );
  if (dryRun) for (const one of taken) noteNewKey(one, donors);
}

/** Who has the keys of these, by the bits of the public key. */
async function findDonors({ certificates }: SharingContext, taken: SavedItem[]): Promise<Map<string, Donor>> {
  const donors = new Map<string, Donor>();
  for (const { item, ...key } of taken)
    if (key.privateKey) donors.set(key.publicKeyBitsSha256, { ...key, certificateId: item.certificateId });
  const wanted = taken.filter((one) => !one.item.hasPrivateKey && !donors.has(one.publicKeyBitsSha256));
  if (wanted.length === 0) return donors;
  for (const holder of await certificates.findKeyDonors(wanted)) {
    const key = wanted.find((one) => isKeyOf(one, holder))!;
    donors.set(key.publicKeyBitsSha256, {
      publicKeyBitsSha256: key.publicKeyBitsSha256,
      publicKeySha256: key.publicKeySha256,
      certificateId: holder._id,
    });
  }
  return donors;
}

const donorOf = (donors: Map<string, Donor>, holder: KeyHolder): Donor | undefined =>
  donors.get(holder.publicKeyBitsSha256 ?? '') ?? [...donors.values()].find((donor) => isKeyOf(donor, holder));

/** Seals the key anew for a certificate; false when it has one meanwhile, or one of the two is gone. */
async function giveKey(
  { certificates, secrets, clock }: SharingContext,
  to: KeyHolder,
  donor: Donor,
): Promise<boolean> {
  const privateKey = donor.privateKey ?? (await openKeyOf({ certificates, secrets }, donor.certificateId));
  if (!privateKey) return false;
  try {
    for (let holder = to; ;) {
      const now = clock.now();
      const fields = {
        hasPrivateKey: true,
        sealedKey: secrets.seal(privateKey, keyContext(holder._id)),
        publicKeyBitsSha256: donor.publicKeyBitsSha256,
        updatedAt: now,
      };
      const event = certificateChanged('updated', holder, { time: now, changes: ['key'] });
      if (await certificates.update(holder, fields, event)) return true;
      // Somebody else was faster: what they changed stays.
      const again = await certificates.find(holder._id);
      if (!again || again.hasPrivateKey) return false;
      holder = again;
    }
  } finally {
    if (privateKey !== donor.privateKey) privateKey.fill(0);
  }
}

async function openKeyOf(
  { certificates, secrets }: Pick<SharingContext, 'certificates' | 'secrets'>,
  certificateId: string,
): Promise<Uint8Array | undefined> {
  const sealed = await certificates.sealedKey(certificateId);
  return sealed && secrets.open(sealed, keyContext(certificateId));
}

/** Says in the items that a certificate of the inventory got its key. */
function noteKey(taken: SavedItem[], holder: KeyHolder, donor: Donor): void {
  const own = taken.filter(({ item }) => item.fingerprintSha256 === holder.fingerprintSha256);
  for (const { item } of own) markKey(item, donor);
  if (own.length > 0) return;
  const from = taken.find((one) => one.privateKey && isKeyOf(one, holder)) ?? taken.find((one) => isKeyOf(one, holder));
  (from!.item.keyAddedTo ??= []).push(holder._id);
}

/** A dry run has not stored what it would create. */
function noteNewKey({ item, publicKeyBitsSha256 }: SavedItem, donors: Map<string, Donor>): void {
  const donor = donors.get(publicKeyBitsSha256);
  if (item.result === 'created' && !item.hasPrivateKey && donor) markKey(item, donor);
}

function markKey(item: ImportItem, donor: Donor): void {
  item.hasPrivateKey = true;
  if (donor.certificateId !== item.certificateId) item.keyFromCertificateId = donor.certificateId;
  if (item.result === 'created') return;
  item.result = 'updated';
  if (!item.changes.includes('key')) item.changes.unshift('key');
}
