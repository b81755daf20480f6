import type { ArchiveItem } from '@certferry/contracts/parser/v1';
import { publicKeyBitsOf } from '@certferry/x509';
import { isInstructions, isNamedAsOurs } from './file-names.ts';

/** A key of a file that has no certificate for it, and the file that has. */
interface FoundKey {
  item: ArchiveItem;
  position: number;
  holder?: string;
}

/**
 * Gives certificates the keys that came in other files of the same block, by the bits of the public key, and says of the
 * files of which nothing is left to take why they were passed over.
 */
export function pairItems(items: ArchiveItem[]): void {
  const keys = new Map<string, FoundKey>();
  for (const item of items)
    for (const [position, { publicKeyBitsSha256 }] of (item.inspection?.keys ?? []).entries())
      keys.set(publicKeyBitsSha256, { item, position });
  if (keys.size > 0) for (const item of items) giveKeys(item, keys);
  const given = Map.groupBy(
    [...keys.values()].filter(({ holder }) => holder !== undefined),
    ({ item }) => item,
  );
  for (const item of items) passOver(item, given.get(item) ?? []);
}

function giveKeys({ name, inspection, privateKeys }: ArchiveItem, keys: Map<string, FoundKey>): void {
  for (const certificate of inspection?.certificates ?? []) {
    const found = certificate.key === undefined ? keys.get(publicKeyBitsOf(certificate.der)) : undefined;
    if (!found) continue;
    certificate.key = inspection!.keys.push(found.item.inspection!.keys[found.position]!) - 1;
    privateKeys.push(found.item.privateKeys[found.position]!);
    found.holder = name;
  }
}

/** Of a file of keys those stay that no certificate was there for. */
function passOver(item: ArchiveItem, given: FoundKey[]): void {
  const { name, inspection, failure } = item;
  if (inspection && inspection.certificates.length === 0 && given.length > 0) {
    const gone = new Set(given.map(({ position }) => position));
    const stays = <T>(list: T[]): T[] => list.filter((_, position) => !gone.has(position));
    item.privateKeys = stays(item.privateKeys);
    inspection.keys = stays(inspection.keys);
    if (inspection.keys.length + inspection.failures.length === 0)
      item.passedOver = `Its key is with the certificate of ${given[0]!.holder}.`;
  }
  if (inspection && !item.passedOver && isEmpty(inspection))
    item.passedOver = ['There is no certificate and no private key in it.', ...inspection.notices.slice(0, 3)].join(
      ' ',
    );
  const isUnknown = failure?.reason === 'UNKNOWN_FORMAT' || failure?.reason === 'EMPTY';
  if (
    failure &&
    ((isUnknown && !isNamedAsOurs(name)) || isInstructions(name) || failure.reason === 'NOTHING_TO_IMPORT')
  ) {
    item.passedOver = failure.message;
    item.failure = undefined;
  }
}

const isEmpty = ({ certificates, keys, failures }: NonNullable<ArchiveItem['inspection']>): boolean =>
  certificates.length + keys.length + failures.length === 0;
