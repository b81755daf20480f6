import { z } from 'zod';
import type { StoreDriver } from '../store-driver.ts';
import type { FileSetOptions } from './file-set.ts';
import type { NewFileRights } from './new-file.ts';

/** A config's path, absolute or below the first store root. */
export const filePath = z.string().min(1).max(4_096);

export const FILES_TRIED: StoreDriver['tried'] = {
  open: 'The paths are below a store root.',
  write: 'A temporary file with the rights of the real one could be written and removed.',
};

const account = z.union([z.string().min(1).max(200), z.int().min(0)]).optional();

const rights = z.strictObject({
  owner: account,
  group: account,
  mode: z
    .string()
    .regex(/^0?[0-7]{3}$/, 'must be octal, as "0640"')
    .optional(),
});

/** What every store of files may say of how they are written. */
export const howFilesAreWritten = {
  layout: z
    .enum(['files', 'links'])
    .optional()
    .describe('"links": the paths become links into one folder of which one link changes. Default "files".'),
  write: z
    .enum(['replace', 'in-place'])
    .optional()
    .describe('"in-place" writes over a file that is there, for one that is itself mounted. Default "replace".'),
};

/** Rights of new files, where a store has files with and without a key. */
export const rightsOfNewFiles = {
  key: rights
    .optional()
    .describe('Owner, group and mode (octal text) of new files that hold the key. Default mode "0600".'),
  certificate: rights.optional().describe('The same of new files without the key. Default mode "0644".'),
};

interface FilesConfig {
  layout?: 'files' | 'links' | undefined;
  write?: 'replace' | 'in-place' | undefined;
  key?: z.infer<typeof rights> | undefined;
  certificate?: z.infer<typeof rights> | undefined;
}

const toRights = (given: z.infer<typeof rights> | undefined, mode: number): NewFileRights => ({
  ...(given?.owner !== undefined && { owner: given.owner }),
  ...(given?.group !== undefined && { group: given.group }),
  mode: given?.mode === undefined ? mode : parseInt(given.mode, 8),
});

/** What a config says of how its files are written. `roles`: whether each holds a key. */
export function toFileSetOptions(config: FilesConfig, roles: Record<string, boolean>): FileSetOptions {
  const [key, certificate] = [toRights(config.key, 0o600), toRights(config.certificate, 0o644)];
  return {
    ...(config.layout && { layout: config.layout }),
    ...(config.write && { write: config.write }),
    rights: Object.fromEntries(Object.entries(roles).map(([role, holdsKey]) => [role, holdsKey ? key : certificate])),
  };
}
