export const FINDING_CODES = [
  'WEAK_KEY',
  'WEAK_SIGNATURE',
  'NEGATIVE_SERIAL',
  'LONG_SERIAL',
  'EXPIRED',
  'NOT_YET_VALID',
  'ENDS_BEFORE_IT_BEGINS',
  'OLD_VERSION',
  'NO_ALTERNATIVE_NAMES',
  'NON_MINIMAL_DER',
  'EMPTY_RDN',
  'ODD_ENCODING',
  'NON_ASCII_NAME',
  'EXPLICIT_CURVE',
  'UNKNOWN_CURVE',
] as const;
export type FindingCode = (typeof FINDING_CODES)[number];

/** What is odd about a certificate and no reason to refuse it. */
export interface Finding {
  code: FindingCode;
  message: string;
}
