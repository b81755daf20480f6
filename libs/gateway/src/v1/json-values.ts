/** RFC 3339; empty for none. */
export const iso = (date: Date | undefined): string => date?.toISOString() ?? '';

/** Members that say nothing are left out. */
export const present = <T>(value: T): T | undefined =>
  value === '' || (Array.isArray(value) && value.length === 0) ? undefined : value;

/** A list as its answer: the cursor only where there is a next page. */
export function pageToJson<T, J>(
  { items, nextCursor, total }: { items: T[]; nextCursor: string; total?: number },
  toJson: (item: T) => J,
): { items: J[]; nextCursor?: string; total?: number } {
  return { items: items.map((item) => toJson(item)), nextCursor: present(nextCursor), total };
}

/** Who asked for a job or an import; absent in those from before it was kept. */
export const requesterToJson = ({ requestedBy, requestId }: { requestedBy: string; requestId: string }) => ({
  requestedBy: present(requestedBy),
  requestId: present(requestId),
});
