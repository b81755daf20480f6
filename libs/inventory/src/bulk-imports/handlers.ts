import { invalid, newId, notFound, raise } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import { callContext } from '@certferry/rpc';
import type { BulkImport } from './bulk-imports.ts';
import { checkProfile, profileHasImports, type EnrollmentProfile } from '../enrollment-profiles/enrollment-profiles.ts';
import { startBulkImport, type BulkContext } from './start-bulk-import.ts';

const toProfile = ({ _id: id, ...rest }: EnrollmentProfile): inventoryV1.EnrollmentProfile => ({ id, ...rest });
const toBulkImport = ({ _id: id, ...rest }: BulkImport): inventoryV1.BulkImport => ({
  ...rest,
  id,
  requestedBy: rest.caller,
  requestId: rest.requestId ?? '',
  completedAt: rest.completedAt,
});

export function enrollmentProfileHandlers(context: BulkContext): inventoryV1.EnrollmentProfileServiceImplementation {
  const { profiles, bulkImports, clock } = context;
  return {
    async createEnrollmentProfile({ profile: draft }) {
      if (!draft) throw invalid('INVALID_FIELD', 'profile is required.', { field: 'profile' });
      const { name, fieldMappings, targetStoreIds } = draft;
      const format = draft.format as EnrollmentProfile['format'];
      const profile = { name, format, fieldMappings, targetStoreIds };
      checkProfile(profile);
      const created = { _id: `IOT_${newId()}`, ...profile, createdAt: clock.now() };
      await profiles.insert(created);
      return { profile: toProfile(created) };
    },

    async getEnrollmentProfile({ id }) {
      return { profile: toProfile((await profiles.find(id)) ?? raise(notFound('enrollment profile', id))) };
    },

    async listEnrollmentProfiles(page) {
      const { items, nextCursor } = await profiles.list(page);
      return { items: items.map(toProfile), nextCursor };
    },

    async deleteEnrollmentProfile({ id }) {
      if (await bulkImports.hasPending(id)) throw profileHasImports(id);
      if (!(await profiles.delete(id))) throw notFound('enrollment profile', id);
      return {};
    },
  };
}

export function bulkImportHandlers(context: BulkContext): inventoryV1.BulkImportServiceImplementation {
  const { bulkImports } = context;
  return {
    async startBulkImport(requests) {
      return { bulkImport: toBulkImport(await startBulkImport(context, requests, callContext().principal.id)) };
    },

    async getBulkImport({ id }) {
      return { bulkImport: toBulkImport((await bulkImports.find(id)) ?? raise(notFound('bulk import', id))) };
    },

    async listBulkImports({ profileId, status, ...page }) {
      const { items, total } = await bulkImports.list({ profileId, status }, { ...page, withTotal: true });
      return { items: items.map((one) => ({ ...toBulkImport(one), failures: [] })), total };
    },
  };
}
