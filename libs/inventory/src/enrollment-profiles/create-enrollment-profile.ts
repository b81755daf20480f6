import { newId, type Clock } from '@certferry/core';
import { checkProfile, type EnrollmentProfile, type ProfileDraft } from './enrollment-profile.ts';
import type { EnrollmentProfiles } from './enrollment-profiles.ts';

/** INVALID_ARGUMENT INVALID_FIELD says what is wrong with it; ALREADY_EXISTS PROFILE_NAME_TAKEN for a name that another has. */
export async function createEnrollmentProfile(
  { profiles, clock }: { profiles: EnrollmentProfiles; clock: Clock },
  draft: ProfileDraft,
): Promise<EnrollmentProfile> {
  const created = { _id: `IOT_${newId()}`, ...checkProfile(draft), createdAt: clock.now() };
  await profiles.insert(created);
  return created;
}
