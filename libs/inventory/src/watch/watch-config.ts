import { delimiter } from 'node:path';
import { z } from 'zod';

const seconds = z.number().min(0).max(3_600);

/** A folder whose files are imported, and what is given to what is in them. */
const watchedFolder = z.strictObject({
  folder: z.string().min(1),
  /** Id of an enrollment profile; then its files are archives. */
  profile: z.string().optional(),
  name: z.string().max(255).optional(),
  tags: z.array(z.string()).optional(),
  /** Holds the password of the files; a line end behind it is not of it. */
  passwordFile: z.string().optional(),
  /** A file that has not changed for so long is whole. */
  quietSeconds: seconds.default(5),
  /** How often it is looked at: watching by the system's events does not work on network file systems. */
  pollSeconds: seconds.min(0.1).default(5),
});
export type WatchedFolder = z.infer<typeof watchedFolder>;

/** A list; in the environment folders alone, separated as in PATH. */
export const watchConfig = z.preprocess(
  (value) =>
    typeof value === 'string'
      ? value
          .split(delimiter)
          .filter((folder) => folder !== '')
          .map((folder) => ({ folder }))
      : value,
  z.array(watchedFolder).default([]),
);
