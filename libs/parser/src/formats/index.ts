import { documentOf } from '../document/document.ts';
import { der } from './der.ts';
import type { Format } from './format.ts';
import { bouncyCastle, javaKeystore } from './java-keystore.ts';
import { pem } from './pem.ts';
import { pkcs7 } from './pkcs7.ts';
import { pkcs12 } from './pkcs12.ts';
import { request } from './request.ts';

const SINGLE: readonly Format[] = [pem, pkcs12, javaKeystore, bouncyCastle, pkcs7, request, der];

/** Every format that is read, in the order they are tried. A new one is a file beside these and a line here. */
export const FORMATS: readonly Format[] = [documentOf(SINGLE), ...SINGLE];
