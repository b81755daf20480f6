import { z } from 'zod';
import type { StoreDriver } from '../store-driver.ts';

/** A config's path, absolute or below the first store root. */
export const filePath = z.string().min(1).max(4_096);

export const FILES_TRIED: StoreDriver['tried'] = {
  open: 'The paths are below a store root.',
  write: 'A temporary file could be written and removed.',
};
