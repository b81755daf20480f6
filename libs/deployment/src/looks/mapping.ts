import type { deploymentV1 } from '@certferry/contracts';
import type { StoreEndpoints } from './endpoints.ts';

export const toEndpoints = (endpoints: StoreEndpoints | undefined): deploymentV1.StoreEndpoints | undefined =>
  endpoints && { ...endpoints };
