import { AppError } from '@certferry/core';
import { ArchiveBatch, ArchiveItem } from '@certferry/contracts/parser/v1';
import { readFast } from '../fast-path.ts';
import type { Passwords } from '../formats/format.ts';
import { toOpenResponse } from '../mapping.ts';
import { openContainer } from '../open-container.ts';
import { refuseNested } from './archive-kind.ts';
import { unpack, type PackedFile } from './zip-file.ts';

export interface FilesToOpen {
  files: PackedFile[];
  passwords: Passwords;
  /** Leaves what derives keys or takes long; otherwise everything is opened. */
  fastOnly: boolean;
}

export interface OpenedFiles {
  /** An ArchiveBatch, encoded: that crosses to another process in a third of the time. */
  batch: Uint8Array;
  /** Positions in `files` of what was left. */
  left: number[];
}

/** Unpacks and reads files of an archive; a bad one is an item with its failure. */
export function openFiles({ files, passwords, fastOnly }: FilesToOpen): OpenedFiles {
  const items: ArchiveItem[] = [];
  const left: number[] = [];
  for (const [position, file] of files.entries()) {
    const item = openFile(file, { passwords, fastOnly });
    if (item) items.push(item);
    else left.push(position);
  }
  return { batch: ArchiveBatch.encode({ items }).finish(), left };
}

function openFile(file: PackedFile, { passwords, fastOnly }: Omit<FilesToOpen, 'files'>): ArchiveItem | undefined {
  const { index, name } = file;
  try {
    const content = unpack(file);
    refuseNested(content);
    const container = fastOnly ? readFast(content, passwords) : openContainer(content, passwords);
    return container && { index, name, fields: {}, failure: undefined, ...toOpenResponse(container) };
  } catch (error) {
    return failedItem({ index, name }, error);
  }
}

/** An item that says why nothing could be read of it. What says nothing of the file (a parser that is busy or stops) is thrown again. */
export function failedItem(of: { index: number; name: string }, error: unknown): ArchiveItem {
  if (!(error instanceof AppError) || error.code === 'INTERNAL' || error.code === 'UNAVAILABLE') throw error;
  const failure = { index: of.index, what: 'CERTIFICATE', reason: error.reason, message: error.message };
  return ArchiveItem.fromPartial({ ...of, failure });
}
