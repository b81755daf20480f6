import { ConnectionError, Problem } from '@certferry/rest';

/** What went wrong, as one sentence and an exit code; its cause is what the server said, where that is it. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** 1 the call failed, 2 wrong usage, 3 not found, 4 not allowed, 5 the server is not there, 6 the job did not succeed, 7 only some of an import went in; of what a server shows: 8 not valid now, 9 for another name, 10 without its chain. */
export const EXIT = {
  failed: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  unreachable: 5,
  jobFailed: 6,
  partial: 7,
  notValid: 8,
  nameMismatch: 9,
  brokenChain: 10,
} as const;

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
      { cause: error },
    );
  if (error instanceof ConnectionError)
    return new CliError(
      `Certferry does not answer at ${error.url}: start it with "npm start", or set CERTFERRY_URL.`,
      EXIT.unreachable,
    );
  return undefined;
}

const REASONS: Record<number, string> = {
  [EXIT.failed]: 'FAILED',
  [EXIT.usage]: 'WRONG_USAGE',
  [EXIT.notFound]: 'NOT_FOUND',
  [EXIT.notAllowed]: 'NOT_ALLOWED',
  [EXIT.unreachable]: 'UNREACHABLE',
  [EXIT.jobFailed]: 'JOB_FAILED',
  [EXIT.partial]: 'PARTIAL',
  [EXIT.notValid]: 'NOT_VALID',
  [EXIT.nameMismatch]: 'NAME_MISMATCH',
  [EXIT.brokenChain]: 'BROKEN_CHAIN',
};

/** The line on standard error: a sentence, or JSON for programs. */
export function errorLine({ message, exitCode, cause }: CliError, json: boolean): string {
  if (!json) return `certferry: ${message}\n`;
  const own = { reason: REASONS[exitCode] ?? 'FAILED', detail: message };
  const { status, reason, detail, requestId, details }: Partial<Problem> = cause instanceof Problem ? cause : own;
  return `${JSON.stringify({ status, reason, detail, details, requestId, exitCode })}\n`;
}
