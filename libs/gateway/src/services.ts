import { deploymentV1, inventoryV1 } from '@certferry/contracts';
import type { Client, DeadlineOptions } from '@certferry/rpc';
import type { Platform } from '@certferry/runtime';

/** What the gateway calls, by its feature. */
export const SERVICE_DEFINITIONS = {
  certificates: inventoryV1.CertificateServiceDefinition,
  imports: inventoryV1.ImportServiceDefinition,
  exports: inventoryV1.ExportServiceDefinition,
  locations: inventoryV1.LocationServiceDefinition,
  replacements: inventoryV1.ReplacementServiceDefinition,
  metadataFields: inventoryV1.MetadataFieldServiceDefinition,
  enrollmentProfiles: inventoryV1.EnrollmentProfileServiceDefinition,
  bulkImports: inventoryV1.BulkImportServiceDefinition,
  stores: deploymentV1.StoreServiceDefinition,
  deployments: deploymentV1.DeploymentServiceDefinition,
  jobs: deploymentV1.JobServiceDefinition,
  versions: deploymentV1.VersionServiceDefinition,
  probes: deploymentV1.ProbeServiceDefinition,
  renewals: deploymentV1.RenewalServiceDefinition,
};

/** A client of every service that the gateway calls, by its feature. */
export type Services = {
  readonly [F in keyof typeof SERVICE_DEFINITIONS]: Client<(typeof SERVICE_DEFINITIONS)[F], DeadlineOptions>;
};

export function createServices(client: Platform['client']): Services {
  const made = Object.entries(SERVICE_DEFINITIONS).map(([feature, definition]) => [feature, client(definition)]);
  return Object.fromEntries(made) as Services;
}
