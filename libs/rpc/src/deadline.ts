/** How long the caller waits: milliseconds from now, or until a moment. For streams it is the whole of the call. */
export interface DeadlineOptions {
  deadline?: Date | number;
}

/** Every call has a deadline; this one unless the caller gives another. */
export const DEFAULT_DEADLINE_MS = 30_000;
/** A 10 MiB container and its envelope. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
