import { z } from 'zod';
import { lowerKeys } from '../json-body.ts';
import { JimValidationError } from './errors.ts';

const MAX_BASE64_CHARACTERS = 1_048_576;

const name = z.string().trim().min(1).max(255);
const notes = z.string().max(2_000).nullish();
const changereason = z.string().max(1_000).nullish();

export const uploadBody = z.object({
  name,
  certificatedatabase64: z.string().min(1).max(MAX_BASE64_CHARACTERS),
  notes,
  changereason,
});
export const fileBody = z.object({ name, filepath: z.string().trim().min(1).max(4_096), notes, changereason });
export const patchBody = z.object({ name: name.nullish(), notes, isenabled: z.boolean().nullish(), changereason });
export const deleteQuery = z.object({ changereason });

/** Our lower-case names of fields as JIM writes them. */
const FIELD_NAMES: Record<string, string> = {
  certificatedatabase64: 'certificateDataBase64',
  filepath: 'filePath',
  isenabled: 'isEnabled',
  changereason: 'changeReason',
};

/** The fields of a body or a query, their names read without case. JimValidationError names each as JIM does. */
export function readFields<T>(schema: z.ZodType<T>, from: unknown): T {
  const parsed = schema.safeParse(lowerKeys(from ?? {}));
  if (parsed.success) return parsed.data;
  const errors: Record<string, string[]> = {};
  for (const { path, message } of parsed.error.issues) {
    const field = String(path[0] ?? 'body');
    (errors[FIELD_NAMES[field] ?? field] ??= []).push(message);
  }
  throw new JimValidationError(errors);
}

/** What a body or a query says that the change is for, right or wrong: the audit record is made before anything is checked. */
export function changeReasonOf(from: unknown): string | undefined {
  const { changereason: reason } = lowerKeys(from ?? {}) as { changereason?: unknown };
  return typeof reason === 'string' ? reason : undefined;
}
