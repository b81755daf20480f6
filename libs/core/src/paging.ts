import { invalid } from './app-error.ts';

export const DEFAULT_PAGE_LIMIT = 50;
export const MAX_PAGE_LIMIT = 500;

/** 0 or nothing means 50; outside 1 to 500 is INVALID_ARGUMENT INVALID_FIELD. */
export function pageLimit(limit: number | undefined): number {
  if (!limit) return DEFAULT_PAGE_LIMIT;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_LIMIT) {
    throw invalid('INVALID_FIELD', `limit must be 1 to ${MAX_PAGE_LIMIT}, not ${limit}.`, { field: 'limit' });
  }
  return limit;
}

/** Where a page ended: the sort it belongs to, the last item's sort value and id. */
export interface PageCursor {
  sort: string;
  value: string | number;
  id: string;
}

/** An opaque, URL-safe text. */
export function encodeCursor(cursor: PageCursor): string {
  return btoa(encodeURIComponent(JSON.stringify([cursor.sort, cursor.value, cursor.id])))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}

/** Undoes encodeCursor; INVALID_CURSOR for anything else, also for the cursor of another sort. */
export function decodeCursor(text: string, sort: string): PageCursor {
  try {
    const json: unknown = JSON.parse(decodeURIComponent(atob(text.replaceAll('-', '+').replaceAll('_', '/'))));
    if (Array.isArray(json) && json.length === 3) {
      const [cursorSort, value, id] = json as [unknown, unknown, unknown];
      if (
        cursorSort === sort &&
        typeof id === 'string' &&
        (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value)))
      ) {
        return { sort, value, id };
      }
    }
  } catch {
    // falls through to the one answer for every damaged cursor
  }
  throw invalid('INVALID_CURSOR', 'The cursor is not one that this list and this sort order gave out.');
}
