import { invalid } from '@certferry/core';
import { awsAcm } from './aws-acm/aws-acm-driver.ts';
import { der } from './der/der-driver.ts';
import { jks } from './jks/jks-driver.ts';
import { pem } from './pem/pem-driver.ts';
import { pkcs12 } from './pkcs12/pkcs12-driver.ts';
import type { StoreDriver } from './store-driver.ts';

/** Every kind of store. */
export const DRIVERS: readonly StoreDriver[] = [pem, der, pkcs12, jks, awsAcm];

/** INVALID_ARGUMENT UNKNOWN_STORE_KIND with the kinds there are. */
export function findDriver(kind: string): StoreDriver {
  const driver = DRIVERS.find((one) => one.kind === kind);
  if (driver) return driver;
  const kinds = DRIVERS.map((one) => one.kind).join(', ');
  throw invalid('UNKNOWN_STORE_KIND', `There is no store kind "${kind}"; there are ${kinds}.`, { kind });
}
