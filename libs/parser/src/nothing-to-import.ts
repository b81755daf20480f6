import { invalid } from '@certferry/core';
import type { parserV1 } from '@certferry/contracts';

const MAX_NAMED = 5;

/** INVALID_ARGUMENT NOTHING_TO_IMPORT for what was read and has no certificate and no private key: says what was found instead. */
export function refuseNothing({ certificates, keys, failures, notices }: parserV1.InspectResponse): void {
  if (certificates.length + keys.length + failures.length > 0) return;
  const more = notices.length > MAX_NAMED ? [`There are ${notices.length - MAX_NAMED} more like these.`] : [];
  const found = notices.length > 0 ? [...notices.slice(0, MAX_NAMED), ...more] : ['It is empty.'];
  throw invalid(
    'NOTHING_TO_IMPORT',
    `There is no certificate and no private key in this, so there is nothing to import. ${found.join(' ')}`,
  );
}
