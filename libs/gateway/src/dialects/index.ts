import { arcgis } from './arcgis/index.ts';
import type { Dialect } from './dialect.ts';
import { digicert } from './digicert/index.ts';
import { jim } from './jim/index.ts';
import { keyfactor } from './keyfactor/index.ts';

/** Every dialect; taking a line out takes the dialect out. */
export const DIALECTS: readonly Dialect[] = [jim, keyfactor, arcgis, digicert];

/** The path as its dialect's routes are written: one slash between parts, none at the end, the prefix in its own case. */
export function canonicalPath(url: string, dialects: readonly Dialect[]): string {
  const [path = '', query] = splitOnce(url, '?');
  const collapsed = path.replace(/\/{2,}/g, '/');
  const lower = collapsed.toLowerCase();
  const dialect = dialects.find(({ prefix }) => `${lower}/`.startsWith(`${prefix.toLowerCase()}/`));
  if (!dialect) return url;
  const trimmed = collapsed.length > 1 ? collapsed.replace(/\/$/, '') : collapsed;
  const rest = trimmed.slice(dialect.prefix.length);
  return dialect.prefix + rest + (query === undefined ? '' : `?${query}`);
}

function splitOnce(text: string, at: string): [string, string | undefined] {
  const position = text.indexOf(at);
  return position < 0 ? [text, undefined] : [text.slice(0, position), text.slice(position + 1)];
}
