import { invalid } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import type { EnrollmentProfile, ProfileDraft } from './enrollment-profile.ts';

export const toProfile = ({ _id: id, ...rest }: EnrollmentProfile): inventoryV1.EnrollmentProfile => ({ id, ...rest });

export function fromProfileDraft(profile: inventoryV1.EnrollmentProfile | undefined): ProfileDraft {
  if (!profile) throw invalid('INVALID_FIELD', 'profile is required.', { field: 'profile' });
  const { name, format, fieldMappings, targetStoreIds } = profile;
  return { name, format, fieldMappings, targetStoreIds };
}
