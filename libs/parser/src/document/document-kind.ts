import { Buffer } from 'node:buffer';
import { asBuffer } from '@certferry/x509';

const API_VERSION = Buffer.from('apiVersion:');
/** Where a JSON text must have begun. */
const HEAD_BYTES = 1_024;

export type DocumentKind = 'JSON' | 'YAML';

/** Whether a text begins like JSON, or is a Kubernetes manifest in YAML. Other YAML is read as the text that it is. */
export function documentKind(content: Uint8Array): DocumentKind | undefined {
  const bytes = asBuffer(content);
  if (/^\s*(?:\{\s*"|\[\s*[{"])/.test(bytes.toString('latin1', 0, HEAD_BYTES))) return 'JSON';
  if (!bytes.includes(API_VERSION)) return undefined;
  const text = bytes.toString('latin1');
  return /^apiVersion:/m.test(text) && /^kind:/m.test(text) ? 'YAML' : undefined;
}
