import type { Clock } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import type { Imports } from '../imports/imports.ts';
import { createEnrollmentProfile } from './create-enrollment-profile.ts';
import { deleteEnrollmentProfile } from './delete-enrollment-profile.ts';
import type { EnrollmentProfiles } from './enrollment-profiles.ts';
import { fromProfileDraft, toProfile } from './mapping.ts';

export interface EnrollmentProfileContext {
  profiles: EnrollmentProfiles;
  imports: Imports;
  clock: Clock;
}

export function createEnrollmentProfileHandlers(
  context: EnrollmentProfileContext,
): inventoryV1.EnrollmentProfileServiceImplementation {
  const { profiles } = context;
  return {
    async createEnrollmentProfile({ profile }) {
      return { profile: toProfile(await createEnrollmentProfile(context, fromProfileDraft(profile))) };
    },

    async getEnrollmentProfile({ id }) {
      return { profile: toProfile(await profiles.get(id)) };
    },

    async listEnrollmentProfiles(page) {
      const { items, nextCursor } = await profiles.list(page);
      return { items: items.map(toProfile), nextCursor };
    },

    async deleteEnrollmentProfile({ id }) {
      await deleteEnrollmentProfile(context, id);
      return {};
    },
  };
}
