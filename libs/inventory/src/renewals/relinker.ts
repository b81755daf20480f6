import type { Logger } from '@certferry/runtime';
import { Loop } from '@certferry/work';
import { linkCertificates, type LinkingContext } from './link-certificates.ts';
import { renewalKeys } from './renewal-rule.ts';
import { Replacements } from './replacements.ts';

const BATCH = 200;
/** More than come in between two saves: a crash may have kept them from being linked. */
const LATEST = 500;
const MOST_RECENT = 2_000;
const INTERVAL_MS = 60_000;

/**
 * Links what was saved before certificates were linked, what came in right before the last end of the process, and what
 * came in lately: of two imports at once neither may have seen what the other was about to save.
 */
export function createRelinker(context: LinkingContext & { saved: () => void; logger: Logger }): Loop {
  const replacements = new Replacements(context.certificates);
  let linkedAt: Date | undefined;
  const round = async (stopping: AbortSignal) => {
    const now = context.clock.now();
    const recent = linkedAt
      ? await replacements.latest(MOST_RECENT, new Date(linkedAt.getTime() - INTERVAL_MS))
      : await replacements.latest(LATEST);
    await linkCertificates(context, recent);
    while (!stopping.aborted) {
      const old = await replacements.withoutKeys(BATCH);
      for (const one of old) await replacements.setKeys(one._id, (one.renewal = renewalKeys(one.facts)));
      await linkCertificates(context, old);
      if (old.length < BATCH) break;
      // Rounds over the embedded database are microtasks only, and would let nothing else run.
      await new Promise((resolve) => setImmediate(resolve));
    }
    linkedAt = now;
    if (recent.length > 0) context.saved();
  };
  const onError = (error: unknown) => context.logger.warn({ err: error }, 'cannot link certificates');
  return new Loop({ round, onError, intervalMs: INTERVAL_MS });
}
