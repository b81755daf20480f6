const REASONS: Record<string, string> = {
  ENOENT: 'There is no such file.',
  ENOTDIR: 'There is no such file.',
  EACCES: 'It cannot be read: permission denied.',
  EPERM: 'It cannot be read: permission denied.',
  ELOOP: 'It is a link that leads to itself.',
};

/** Why a file or folder cannot be read, for people. */
export function whyUnreadable(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? `It cannot be read${code && ` (${code})`}.`;
}
