import { MAX_DIRECT_IMPORT_BYTES, Problem, type Client, type Import, type ImportFields } from '@certferry/rest';
import { CliError, EXIT } from '../cli-error.ts';
import { count, size } from '../output.ts';
import type { Progress } from '../progress.ts';
import { readContent, type Content } from './content.ts';
import { followJob, isActive } from './follow-job.ts';
import type { Found, Source } from './find-sources.ts';
import { cameIn, hasLoneKey, opened, refused, withoutLoneKeys, withSecondTry, type Outcome } from './outcome.ts';
import type { Passwords } from './passwords.ts';
import { sendWithPasswords } from './send-with-passwords.ts';

/** How sources are sent. */
export interface Sending {
  api: Client;
  dryRun: boolean;
  fields: ImportFields;
  passwords: Passwords;
  progress: Progress;
}

/** What became of each; `stopped` is the error that keeps those that were not tried from being sent. */
export interface Ended {
  outcomes: Outcome[];
  notTried: number;
  stopped?: unknown;
}

/**
 * Sends one source after the other and goes on after one that fails. A private key that came before its certificate is
 * sent again at the end: the files of one command belong together, in whatever order they are named.
 */
export async function importAll({ sources, outcomes: notSent }: Found, sending: Sending): Promise<Ended> {
  const outcomes = [...notSent];
  const { dryRun } = sending;
  const loneKeys: { source: Source; content: Content; at: number }[] = [];
  for (const [i, source] of sources.entries()) {
    const position = sources.length > 1 ? `${count(i + 1)} of ${count(sources.length)}: ` : '';
    try {
      const content = await readContent(source);
      const outcome = opened(source, await send({ source, content, position }, sending));
      if (hasLoneKey(outcome)) loneKeys.push({ source, content, at: outcomes.length });
      outcomes.push(outcome);
    } catch (error) {
      const reason = ofThisFile(error);
      if (!reason) return { outcomes, notTried: sources.length - i, stopped: error };
      outcomes.push(refused(source, reason));
    }
  }
  for (const { source, content, at } of loneKeys.filter(({ at }) => outcomes.some((one, i) => i !== at && cameIn(one))))
    outcomes[at] = dryRun
      ? withoutLoneKeys(outcomes[at]!)
      : withSecondTry(outcomes[at]!, await send({ source, content }, sending));
  return { outcomes, notTried: 0 };
}

/** From this size on an import is followed item by item. */
const FOLLOWED_BYTES = 1024 * 1024;

const followOrAnswer = async (api: Client, answer: Import, tell: (text: string) => void): Promise<Import> =>
  isActive(answer) ? await followJob(api, answer, tell) : answer;

/** Sends a container, or where it is, with what it needs of passwords. */
export async function send(
  { source, content, position = '' }: { source: Source; content: Content; position?: string },
  { api, dryRun, fields, passwords, progress }: Sending,
): Promise<Import> {
  const bytes = content instanceof File ? content.size : 0;
  if (dryRun && bytes > MAX_DIRECT_IMPORT_BYTES)
    throw new CliError(
      `It is larger than ${size(MAX_DIRECT_IMPORT_BYTES)}, too large to be looked at without keeping it.`,
    );
  const call = dryRun ? api.inspectContainer : api.importCertificates;
  const tell = (text: string) => progress.set(() => `${position}${source.name}${text && `: ${text}`}`);
  return await sendWithPasswords(
    async (secrets) => {
      const all = { ...fields, ...secrets };
      tell(content instanceof File ? `0 bytes of ${size(bytes)} sent` : '');
      // What takes a while is answered at once, to be followed.
      const headers: Record<string, string> = bytes > FOLLOWED_BYTES ? { prefer: 'respond-async' } : {};
      const asked =
        content instanceof File
          ? { form: { file: content, ...all }, headers, onUpload: tellUpload(tell) }
          : { body: { ...content, ...all } };
      return await call(asked)
        .then((answer) => followOrAnswer(api, answer, tell))
        .finally(() => progress.clear());
    },
    { file: source.name, passwords },
  );
}

function tellUpload(tell: (text: string) => void): (sent: number, total: number) => void {
  const started = Date.now();
  return (sent, total) =>
    tell(
      sent < total
        ? `${size(sent)} of ${size(total)} sent`
        : `${size(sent)} sent, being read for ${Math.round((Date.now() - started) / 1_000)} s`,
    );
}

const STOPS = new Set([401, 403, 429]);
const WHERE_IT_IS_ALLOWED = 'Set it in the environment of the server, and start that again.';

/** Why this file failed; undefined when all others would fail in the same way. */
function ofThisFile(error: unknown): { reason?: string; message: string } | undefined {
  if (error instanceof Problem && error.reason === 'ADDRESS_NOT_ALLOWED')
    return { reason: error.reason, message: `${error.detail} ${WHERE_IT_IS_ALLOWED}` };
  if (error instanceof Problem && !STOPS.has(error.status)) return { reason: error.reason, message: error.detail };
  if (error instanceof CliError && error.exitCode === EXIT.failed) return { message: error.message };
  return undefined;
}
