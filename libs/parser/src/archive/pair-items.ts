import type { ArchiveItem } from '@certferry/contracts/parser/v1';
import { isInstructions, isNamedAsOurs } from './file-names.ts';

/**
 * Gives certificates the keys that came in other files of the same block, by public key, and says of the files of which
 * nothing is left to take why they were passed over.
 */
export function pairItems(items: ArchiveItem[]): void {
  const keys = new Map<string, { item: ArchiveItem; position: number }>();
  for (const item of items)
    for (const [position, { publicKeySha256 }] of (item.inspection?.keys ?? []).entries())
      keys.set(publicKeySha256, { item, position });
  const given = new Map<ArchiveItem, string>();
  for (const item of items) {
    for (const certificate of item.inspection?.certificates ?? []) {
      const found = keys.get(certificate.facts!.publicKeySha256);
      if (certificate.key !== undefined || !found) continue;
      certificate.key = item.inspection!.keys.push(found.item.inspection!.keys[found.position]!) - 1;
      item.privateKeys.push(found.item.privateKeys[found.position]!);
      given.set(found.item, item.name);
    }
  }
  for (const item of items) passOver(item, given.get(item));
}

function passOver(item: ArchiveItem, holder: string | undefined): void {
  const { name, inspection, failure } = item;
  if (inspection && inspection.certificates.length === 0 && holder !== undefined) {
    item.passedOver = `Its key is with the certificate of ${holder}.`;
    item.privateKeys = [];
    inspection.keys = [];
  }
  const isUnknown = failure?.reason === 'UNKNOWN_FORMAT' || failure?.reason === 'EMPTY';
  if (failure && ((isUnknown && !isNamedAsOurs(name)) || isInstructions(name))) {
    item.passedOver = failure.message;
    item.failure = undefined;
  }
}
