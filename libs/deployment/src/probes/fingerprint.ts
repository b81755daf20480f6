import { hash } from 'node:crypto';

/** SHA-256, lower-case hexadecimal. */
export const fingerprintOf = (der: Uint8Array): string => hash('sha256', der, 'hex');
