import { precondition } from '@certferry/core';
import type { FileContents } from './file-set.ts';

/** The contents of files, or that they are absent, as the bytes of a snapshot. */
export function packFiles(contents: FileContents): Buffer {
  const files = Object.entries(contents).map(([role, content]) => [role, content?.toString('base64') ?? null]);
  return Buffer.from(JSON.stringify({ files: Object.fromEntries(files) as Record<string, string | null> }));
}

/** FAILED_PRECONDITION SNAPSHOT_OF_ANOTHER_CONFIG when the store had other files than `roles` when it was taken. */
export function unpackFiles(snapshot: Uint8Array, roles: string[]): FileContents {
  const { files } = JSON.parse(Buffer.from(snapshot).toString()) as { files: Record<string, string | null> };
  if (Object.keys(files).sort().join() !== roles.toSorted().join()) {
    throw precondition(
      'SNAPSHOT_OF_ANOTHER_CONFIG',
      'What is kept is of other files than the store has now: its config was changed since. Nothing was changed.',
    );
  }
  return Object.fromEntries(
    Object.entries(files).map(([role, content]) => [
      role,
      content === null ? undefined : Buffer.from(content, 'base64'),
    ]),
  );
}
