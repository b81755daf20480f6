import { AppError, precondition } from '@certferry/core';

export const errnoOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** What the system refuses to a user without rights, and what a file system cannot do at all. */
export const isRefusal = (error: unknown): boolean =>
  ['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'].includes(errnoOf(error) ?? '');

type Saying = Pick<AppError, 'code' | 'reason'> & { say: (path: string) => string };

const permission = { code: 'PERMISSION_DENIED', reason: 'FILE_PERMISSION' } as const;
const retried = { code: 'UNAVAILABLE', reason: 'FILE_ERROR' } as const;
const misplaced = { code: 'FAILED_PRECONDITION', reason: 'NOT_A_FILE' } as const;
const noRight: Saying = {
  ...permission,
  say: (path) => `Certferry may not read or write ${path}: give its user the right to`,
};
const noRoom: Saying = { ...retried, say: (path) => `There is no room for ${path}` };
const noFile: Saying = { ...misplaced, say: (path) => `${path} cannot be a file` };

const SAYINGS: Record<string, Saying> = {
  EACCES: noRight,
  EPERM: noRight,
  EROFS: { ...permission, say: (path) => `The file system of ${path} is read-only` },
  EATTRIBUTES: { ...permission, say: (path) => `The ACL or the extended attributes of ${path} cannot be kept` },
  ENOSPC: noRoom,
  EDQUOT: noRoom,
  ENOTDIR: noFile,
  EISDIR: noFile,
  ENAMETOOLONG: noFile,
};

/** What a file system throws as a sentence. What needs a person is not tried again; a full disk and the like are. */
export function toFileError(error: unknown, path: string): AppError {
  if (error instanceof AppError) return error;
  const errno = errnoOf(error) ?? 'unknown error';
  if (errno === 'EBUSY') return mountPoint(path);
  const { code, reason, say } = SAYINGS[errno] ?? { ...retried, say: () => `Reading or writing ${path} failed` };
  return new AppError({ code, reason, message: `${say(path)} (${errno}).`, details: { path, errno }, cause: error });
}

export const mountPoint = (path: string): AppError =>
  precondition(
    'MOUNT_POINT',
    `${path} is itself mounted, so it cannot be replaced (EBUSY): mount its folder, or set write to "in-place".`,
    { path },
  );

export const notAFile = (path: string): AppError =>
  precondition('NOT_A_FILE', `${path} is not a regular file (a folder, a pipe or a device).`, { path });

/** FAILED_PRECONDITION NOT_A_FILE with where the link leads. */
export const linkRefused = (path: string, target: string): AppError =>
  precondition(
    'NOT_A_FILE',
    `${path} is a symbolic link to ${target}; Certferry writes no file through a link. Name the file itself, or remove the link.`,
    { path, target },
  );

/** The owner or the mode that a file must have is refused. */
export const rightsRefused = (message: string, path: string): AppError =>
  new AppError({ ...permission, message, details: { path } });
