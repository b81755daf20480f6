import type { inventoryV1 } from '@certferry/contracts';
import { archiveFormat, type EnrollmentProfile, type enrollmentProfileOperations } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import { uploadArchive } from '../upload-archive.ts';
import { bulkImportToJson } from './bulk-imports.ts';
import { iso, pageToJson } from './json-values.ts';
import type { Routes } from './route.ts';

const profileToJson = (from: inventoryV1.EnrollmentProfile): EnrollmentProfile => ({
  ...from,
  format: archiveFormat.parse(from.format),
  createdAt: iso(from.createdAt),
});

/** How archives of certificates are taken in. */
export function enrollmentProfileRoutes(context: GatewayContext): Routes<typeof enrollmentProfileOperations> {
  const { services } = context;
  return {
    createEnrollmentProfile: {
      scope: 'write',
      handler: async (request) => {
        const created = await services.enrollmentProfiles.createEnrollmentProfile({ profile: request.body });
        return profileToJson(created.profile!);
      },
    },
    listEnrollmentProfiles: {
      scope: 'read',
      handler: async (request) =>
        pageToJson(await services.enrollmentProfiles.listEnrollmentProfiles(request.query), profileToJson),
    },
    getEnrollmentProfile: {
      scope: 'read',
      handler: async (request) =>
        profileToJson((await services.enrollmentProfiles.getEnrollmentProfile(request.params)).profile!),
    },
    deleteEnrollmentProfile: {
      scope: 'write',
      handler: async (request) => void (await services.enrollmentProfiles.deleteEnrollmentProfile(request.params)),
    },
    startBulkImport: {
      scope: 'write',
      streamsForm: true,
      handler: async (request) =>
        bulkImportToJson(await uploadArchive(context, request, { profileId: request.params.id })),
    },
  };
}
