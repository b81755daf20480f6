import { makeCertificate } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { describe, expect, test } from 'vitest';
import { checkProfile, mapFields, type FieldMapping } from './enrollment-profile.ts';

const draft = { name: 'p', format: 'pem', fieldMappings: [] as FieldMapping[], targetStoreIds: [] as string[] };
const mapping = (deviceField: string, source: string, mandatory = false): FieldMapping => ({
  deviceField,
  source,
  mandatory,
});

describe('a profile', () => {
  test.each<[string, object]>([
    ['name', { name: ' ' }],
    ['name', { name: 'x'.repeat(201) }],
    ['format', { format: 'zip' }],
    ['fieldMappings', { fieldMappings: Array.from({ length: 101 }, (_, i) => mapping(`${i}`, '')) }],
    ['targetStoreIds', { targetStoreIds: Array.from({ length: 101 }, (_, i) => `${i}`) }],
    ['fieldMappings', { fieldMappings: [mapping('a', ''), mapping('a', 'serial_number')] }],
    ['deviceField', { fieldMappings: [mapping('', 'serial_number')] }],
    ['source', { fieldMappings: [mapping('a', '', true)] }],
    ['source', { fieldMappings: [mapping('a', 'serial')] }],
    ['source', { fieldMappings: [mapping('a', 'constructor')] }],
    ['source', { format: 'xml', fieldMappings: [mapping('a', 'no element')] }],
  ])('is refused for its %s: %o', (field, wrong) => {
    expect(() => checkProfile({ ...draft, ...wrong })).toThrow(
      expect.objectContaining({ reason: 'INVALID_FIELD', details: { field } }) as Error,
    );
  });

  test('of XML maps the elements beside a certificate too', () => {
    const xml = { ...draft, format: 'xml', fieldMappings: [mapping('a', 'serial')] };
    expect(checkProfile(xml)).toEqual(xml);
  });
});

describe('the fields of a device', async () => {
  const { der } = await makeCertificate({ commonName: 'device-1', names: ['a.example.com', 'b.example.com'] });
  const facts = readCertificate(der);
  const map = (fieldMappings: FieldMapping[], fields: Record<string, string> = {}) =>
    mapFields({ ...draft, _id: 'p', format: 'xml', createdAt: new Date(), fieldMappings }, { facts, fields });

  test('are read from subject, alternative names, serial number and elements', () => {
    const mappings = [
      mapping('Device', 'subject.common_name', true),
      mapping('Names', 'san.dns_name'),
      mapping('Number', 'serial_number'),
      mapping('Batch', 'batch'),
      mapping('Organization', 'subject.organization_name'),
      mapping('Unused', ''),
    ];
    expect(map(mappings, { batch: 'B7', other: 'x' })).toEqual({
      Device: 'device-1',
      Names: 'a.example.com, b.example.com',
      Number: facts.serialNumber,
      Batch: 'B7',
    });
  });

  test('are cut to what metadata holds', () => {
    expect(map([mapping('Long', 'long')], { long: 'x'.repeat(5_000) })['Long']).toHaveLength(4_000);
  });

  test('that are mandatory must have a value', () => {
    for (const source of ['subject.country', 'batch', 'toString'])
      expect(() => map([mapping('Must', source, true)])).toThrow(
        expect.objectContaining({ reason: 'MANDATORY_FIELD_MISSING', details: { field: 'Must' } }) as Error,
      );
  });
});
