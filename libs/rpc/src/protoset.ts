import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The descriptors of the contracts and of the health service, for reflection. Descriptor sets join by being appended. */
export function readProtoset(): Uint8Array {
  const contracts = fileURLToPath(import.meta.resolve('@certferry/contracts/protoset'));
  return Buffer.concat([readFileSync(contracts), readFileSync(new URL('./health.binpb', import.meta.url))]);
}
