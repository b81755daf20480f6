import { z } from 'zod';

export const text = (max: number) => z.string().max(max);
export const time = z.string().meta({ format: 'date-time', description: 'RFC 3339, UTC' });
/** A time that a caller sends, with any offset. */
export const timeInput = z.iso.datetime({ offset: true });
export const stringMap = z.record(z.string(), z.string());
export const idParams = z.object({ id: text(100) });
/** A query parameter that is "true" or "false". */
export const flag = z.stringbool().meta({ type: 'boolean' });

/** Who asked for what outlives the call. Absent in what is older than that. */
export const requester = {
  requestedBy: z.string().optional().describe('Id of the API key that asked for it'),
  requestId: z.string().optional().describe('Id of the request; log lines and the audit record have it too'),
};
