import { invalid } from '@certferry/core';
import { z } from 'zod';

const notJson = () => invalid('INVALID_JSON', 'The body is not valid JSON.');

/** A request body; an empty one and `null` are no body. INVALID_ARGUMENT INVALID_JSON. */
export function parseBody(text: string): unknown {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  if (trimmed === '' || trimmed === 'null') return undefined;
  try {
    return JSON.parse(trimmed) as unknown;
  } catch {
    throw notJson();
  }
}

/**
 * The value with every key in lower case, at every depth: .NET's services read names without case. Below the `maps`
 * (lower-case names) keys are the caller's own words and stay. Keys that only differ in case: the last one wins.
 */
export function lowerKeys(value: unknown, maps: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map((one) => lowerKeys(one, maps));
  if (value === null || typeof value !== 'object') return value;
  const lowered: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, inner] of Object.entries(value)) {
    const name = key.toLowerCase();
    lowered[name] = maps.includes(name) ? inner : lowerKeys(inner, maps);
  }
  return lowered;
}

/** A property name that stands twice in one object (without case) of a valid JSON text, if there is one. */
export function duplicateKey(json: string): string | undefined {
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
  const objects: (Set<string> | undefined)[] = [];
  let previous = '';
  for (let match = tokens.exec(json); match; match = tokens.exec(json)) {
    const [token] = match;
    if (token === '{') objects.push(new Set());
    else if (token === '[') objects.push(undefined);
    else if (token === '}' || token === ']') objects.pop();
    else if (token === ':' && previous.startsWith('"')) {
      const name = (JSON.parse(previous) as string).toLowerCase();
      const names = objects.at(-1);
      if (names?.has(name)) return name;
      names?.add(name);
    }
    previous = token;
  }
  return undefined;
}

/** Base64 with or without line ends; undefined when it is not base64. */
export function readBase64(text: string): Buffer | undefined {
  const base64 = text.replace(/\s+/g, '');
  return z.base64().safeParse(base64).success ? Buffer.from(base64, 'base64') : undefined;
}
