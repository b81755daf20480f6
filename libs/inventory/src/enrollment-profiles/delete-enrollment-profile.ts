import { notFound, precondition } from '@certferry/core';
import type { Imports } from '../imports/imports.ts';
import type { EnrollmentProfiles } from './enrollment-profiles.ts';

/** FAILED_PRECONDITION PROFILE_HAS_IMPORTS while one of its imports runs; NOT_FOUND the second time. */
export async function deleteEnrollmentProfile(
  { profiles, imports }: { profiles: EnrollmentProfiles; imports: Imports },
  id: string,
): Promise<void> {
  if (await imports.hasActive(id))
    throw precondition('PROFILE_HAS_IMPORTS', 'The profile has an import that has not ended.', { id });
  if (!(await profiles.delete(id))) throw notFound('enrollment profile', id);
}
