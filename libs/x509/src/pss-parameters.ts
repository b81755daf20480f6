import { context, TAG, type DerReader } from './der-reader.ts';
import { DIGESTS } from './algorithms.ts';
import { malformed } from './x509-error.ts';

const MAX_SALT_LENGTH = 2 ** 31 - 1;

/** RSASSA-PSS-params (RFC 4055 section 3.1). */
export interface PssParameters {
  /** "sha1", "sha256", …; the dotted OID if we know no name for it. */
  digest: string;
  /** Of MGF1. */
  maskDigest: string;
  saltLength: number;
}

/** Reads the parameters of an RSASSA-PSS AlgorithmIdentifier; absent ones have their defaults. Throws X509Error. */
export function readPssParameters(reader: DerReader): PssParameters {
  const parameters: PssParameters = { digest: 'sha1', maskDigest: 'sha1', saltLength: 20 };
  if (reader.peek() !== TAG.sequence) return parameters;
  const fields = reader.enter(TAG.sequence);
  while (!fields.done) {
    fields.next();
    const field = fields.inside();
    if (fields.tag === context(0)) parameters.digest = digestName(field.enter(TAG.sequence));
    else if (fields.tag === context(1)) {
      const mask = field.enter(TAG.sequence);
      mask.oid();
      parameters.maskDigest = digestName(mask.enter(TAG.sequence));
    } else if (fields.tag === context(2)) parameters.saltLength = saltLength(field);
  }
  return parameters;
}

/** MALFORMED above what the wire carries, which no hash reaches. */
function saltLength(field: DerReader): number {
  const length = field.integer();
  if (length > MAX_SALT_LENGTH) throw malformed('salt length', field.start);
  return length;
}

function digestName(algorithm: DerReader): string {
  const id = algorithm.oid();
  return DIGESTS[id] ?? id;
}
