import type { Container } from './container.ts';
import type { Format, Passwords } from './formats/format.ts';
import { tryPasswords } from './try-passwords.ts';

/** Reads it with the password that opens it. Throws X509Error, or INVALID_ARGUMENT NOTHING_TO_IMPORT. */
export const readWith = (format: Format, content: Uint8Array, passwords: Passwords): Container =>
  format.holdsContainers
    ? format.read(content, passwords)
    : tryPasswords(content, passwords, (candidate) => format.read(content, candidate));
