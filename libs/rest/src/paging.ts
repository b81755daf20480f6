import { DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT } from '@certferry/core';
import { z } from 'zod';
import { flag, text } from './scalars.ts';

/** Query parameters of lists; each list takes those that it can. The services refuse what is out of bounds. */
export const page = {
  limit: z.coerce
    .number()
    .int()
    .optional()
    .meta({
      description: `1 to ${MAX_PAGE_LIMIT}, default ${DEFAULT_PAGE_LIMIT}`,
      maximum: MAX_PAGE_LIMIT,
    }),
  cursor: text(2_000).optional().describe('nextCursor of the page before'),
  offset: z.coerce.number().int().optional().describe('Items to pass over, instead of a cursor'),
  withTotal: flag.optional().describe('Also count all that match, as total'),
};
export const filter = text(10_000).optional();

/** An answer that is a list: a page of it, or all. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    nextCursor: z.string().optional().describe('Absent on the last page'),
    total: z.int().optional().describe('Only where it was asked for'),
  });

interface Page<T> {
  items: T[];
  nextCursor?: string;
}

/** Every item of a list over all of its pages, at most `most`. */
export async function* eachItem<T, Q extends { limit?: number; cursor?: string }>(
  list: (input: { query?: Q }) => Promise<Page<T>>,
  query: NoInfer<Q>,
  most = Infinity,
): AsyncGenerator<T> {
  let left = most;
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await list({ query: { ...query, limit: Math.min(MAX_PAGE_LIMIT, left), cursor } });
    yield* items;
    left -= items.length;
    cursor = nextCursor;
  } while (cursor && left > 0);
}
