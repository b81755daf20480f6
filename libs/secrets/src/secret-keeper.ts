import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { AppError, precondition } from '@certferry/core';

/** Seals secrets before they touch the database: AES-256-GCM, a data key for each secret, wrapped by the key-encryption key. */
export interface SecretKeeper {
  /** `context` names the record and version the secret belongs to; it opens only with the same one. */
  seal(secret: Uint8Array, context: string): Buffer;
  /** FAILED_PRECONDITION KEK_UNKNOWN for another key-encryption key; INTERNAL SEAL_BROKEN for changed bytes or another context. */
  open(sealed: Uint8Array, context: string): Buffer;
  /** 32 bytes for another purpose (an HMAC, say), from the same key-encryption key. */
  deriveKey(purpose: string): Buffer;
}

const VERSION = 1;
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

function encrypt(key: Uint8Array, plaintext: Uint8Array, context: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(context);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Uint8Array, sealed: Uint8Array, context: Uint8Array): Buffer {
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(context).setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()]);
}

/** Sealed form: version, key id, wrapped data key, ciphertext. `kek` has 32 bytes. */
export function createSecretKeeper(kek: Uint8Array): SecretKeeper {
  const keyId = hash('sha256', Buffer.concat([Buffer.from('certferry key id'), kek]), 'buffer').subarray(
    0,
    KEY_ID_BYTES,
  );
  const header = Buffer.concat([Buffer.of(VERSION), keyId]);
  const aad = (context: string) => Buffer.concat([header, Buffer.from(context)]);
  return {
    seal(secret, context) {
      const dataKey = randomBytes(KEY_BYTES);
      const sealed = Buffer.concat([
        header,
        encrypt(kek, dataKey, aad(context)),
        encrypt(dataKey, secret, aad(context)),
      ]);
      dataKey.fill(0);
      return sealed;
    },
    open(bytes, context) {
      const sealed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      if (!sealed.subarray(0, header.length).equals(header)) {
        const id = sealed.subarray(1, header.length).toString('hex');
        throw precondition(
          'KEK_UNKNOWN',
          `A secret was sealed under the key-encryption key ${id}, which is not the configured one.`,
        );
      }
      try {
        const wrapped = sealed.subarray(header.length, header.length + WRAPPED_BYTES);
        const dataKey = decrypt(kek, wrapped, aad(context));
        return decrypt(dataKey, sealed.subarray(header.length + WRAPPED_BYTES), aad(context));
      } catch (cause) {
        throw new AppError({
          code: 'INTERNAL',
          reason: 'SEAL_BROKEN',
          message: 'A sealed secret was changed or moved.',
          cause,
        });
      }
    },
    deriveKey: (purpose) => Buffer.from(hkdfSync('sha256', kek, '', purpose, KEY_BYTES)),
  };
}

/**
 * Reads the key-encryption key (32 bytes as base64) from a file. Makes the file (0600) if `create` allows it.
 * FAILED_PRECONDITION KEK_MISSING or KEK_INVALID otherwise.
 */
export function openSecretKeeper(path: string, { create }: { create: boolean }): SecretKeeper {
  if (!existsSync(path)) {
    if (!create) {
      const message = `The key-encryption key ${path} is missing, and there is data that was sealed with it: restore the file, or set CERTFERRY_KEK_FILE.`;
      throw precondition('KEK_MISSING', message);
    }
    writeFileSync(path, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  }
  const kek = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64');
  if (kek.length !== KEY_BYTES)
    throw precondition('KEK_INVALID', `The key-encryption key in ${path} must be 32 bytes as base64.`);
  return createSecretKeeper(kek);
}
