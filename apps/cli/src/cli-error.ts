import { ConnectionError, Problem } from '@certferry/rest';

/** What went wrong, as one sentence and an exit code. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** 1 the call failed, 2 wrong usage, 3 not found, 4 not allowed, 5 the server is not there, 6 the job did not succeed. */
export const EXIT = { failed: 1, usage: 2, notFound: 3, notAllowed: 4, unreachable: 5, jobFailed: 6 } as const;

const EXIT_BY_STATUS: Record<number, number> = {
  400: EXIT.usage,
  401: EXIT.notAllowed,
  403: EXIT.notAllowed,
  404: EXIT.notFound,
};

/** What is said of an error; undefined for one that nobody expected. */
export function toCliError(error: unknown): CliError | undefined {
  if (error instanceof CliError) return error;
  if (error instanceof Problem)
    return new CliError(
      `${error.detail} (${error.reason || error.status})`,
      EXIT_BY_STATUS[error.status] ?? EXIT.failed,
    );
  if (error instanceof ConnectionError)
    return new CliError(
      `Certferry does not answer at ${error.url}: start it with "npm start", or set CERTFERRY_URL.`,
      EXIT.unreachable,
    );
  return undefined;
}
