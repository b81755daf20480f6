import type { Password } from '@certferry/x509';
import type { Container } from '../container.ts';

export interface Passwords {
  /** Of the container. */
  password?: Password;
  /** Of keys that have one of their own. */
  keyPassword?: Password;
  /** Further ones of the container: each is tried until one opens it. */
  passwords?: readonly string[];
}

/** One form that certificates arrive in. */
export interface Format {
  /** By the bytes, never by a name. */
  detect(content: Uint8Array): boolean;
  /** Whether reading derives a key or opens a nested container, so that it runs in a child process. */
  needsSandbox(content: Uint8Array): boolean;
  /** Whether it has containers or keys of its own, each of which is opened by the password that opens it. */
  holdsContainers?: true;
  /** Throws X509Error. */
  read(content: Uint8Array, passwords: Passwords): Container;
}
