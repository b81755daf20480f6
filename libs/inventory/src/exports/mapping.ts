import { invalid, raise } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import type { ExportFormat } from './export-certificate.ts';
import type { KeyFormat } from './export-private-key.ts';

const EXPORT_FORMATS: Partial<Record<inventoryV1.ExportFormat, ExportFormat>> = {
  [inventoryV1.ExportFormat.PEM]: 'pem',
  [inventoryV1.ExportFormat.CHAIN]: 'chain',
  [inventoryV1.ExportFormat.ISSUERS]: 'issuers',
  [inventoryV1.ExportFormat.DER]: 'der',
  [inventoryV1.ExportFormat.P7B]: 'p7b',
};

const KEY_FORMATS: Partial<Record<inventoryV1.PrivateKeyFormat, KeyFormat>> = {
  [inventoryV1.PrivateKeyFormat.PEM]: 'pem',
  [inventoryV1.PrivateKeyFormat.KEY]: 'key',
  [inventoryV1.PrivateKeyFormat.TRADITIONAL]: 'traditional',
  [inventoryV1.PrivateKeyFormat.P12]: 'p12',
  [inventoryV1.PrivateKeyFormat.P12_LEGACY]: 'p12-legacy',
  [inventoryV1.PrivateKeyFormat.JKS]: 'jks',
};

export const fromExportFormat = (format: inventoryV1.ExportFormat): ExportFormat =>
  EXPORT_FORMATS[format] ??
  raise(invalid('INVALID_FIELD', 'format must be pem, chain, issuers, der or p7b.', { field: 'format' }));

export const fromPrivateKeyFormat = (format: inventoryV1.PrivateKeyFormat): KeyFormat =>
  KEY_FORMATS[format] ??
  raise(invalid('INVALID_FIELD', 'format must be pem, key, traditional, p12, p12-legacy or jks.', { field: 'format' }));
