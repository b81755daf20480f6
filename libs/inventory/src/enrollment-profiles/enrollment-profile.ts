import { invalid } from '@certferry/core';
import { isSource, readSource, SOURCE_NAMES, type FieldValues } from './field-sources.ts';

export interface FieldMapping {
  deviceField: string;
  /** Empty: not mapped. */
  source: string;
  mandatory: boolean;
}

/** How archives of certificates from elsewhere are taken in. */
export interface EnrollmentProfile {
  _id: string;
  name: string;
  format: 'pem' | 'xml';
  fieldMappings: FieldMapping[];
  targetStoreIds: string[];
  createdAt: Date;
}

export type ProfileDraft = Pick<EnrollmentProfile, 'name' | 'fieldMappings' | 'targetStoreIds'> & {
  /** Not checked yet. */
  format: string;
};

const MOST = 100;
const MAX_VALUE_CHARACTERS = 4_000;
const ELEMENT = /^[A-Za-z_][\w.-]{0,99}$/;

const refuse = (field: string, message: string) => invalid('INVALID_FIELD', message, { field });
const isFormat = (format: string): format is EnrollmentProfile['format'] => format === 'pem' || format === 'xml';

/** The draft, checked. INVALID_ARGUMENT INVALID_FIELD names what is wrong with it. */
export function checkProfile(draft: ProfileDraft): Omit<EnrollmentProfile, '_id' | 'createdAt'> {
  const { name, format, fieldMappings, targetStoreIds } = draft;
  if (name.trim() === '' || name.length > 200) throw refuse('name', 'The name must have 1 to 200 characters.');
  if (!isFormat(format)) throw refuse('format', 'The format must be pem or xml.');
  if (fieldMappings.length > MOST) throw refuse('fieldMappings', `There can be at most ${MOST} field mappings.`);
  if (targetStoreIds.length > MOST) throw refuse('targetStoreIds', `There can be at most ${MOST} target stores.`);
  const names = new Set(fieldMappings.map((mapping) => mapping.deviceField));
  if (names.size < fieldMappings.length) throw refuse('fieldMappings', 'A device field is mapped twice.');
  for (const mapping of fieldMappings) checkMapping(mapping, format);
  return { name, format, fieldMappings, targetStoreIds };
}

function checkMapping({ deviceField, source, mandatory }: FieldMapping, format: EnrollmentProfile['format']): void {
  if (deviceField === '' || deviceField.length > 100)
    throw refuse('deviceField', 'A device field has a name of 1 to 100 characters.');
  if (source === '' && mandatory)
    throw refuse('source', `The device field "${deviceField}" is mandatory and must be mapped.`);
  if (source === '' || isSource(source) || (format === 'xml' && ELEMENT.test(source))) return;
  const sources = SOURCE_NAMES.join(', ');
  throw refuse('source', `There is no source "${source}" in a ${format} archive; there are ${sources}.`);
}

/** The device's fields of a certificate. INVALID_ARGUMENT MANDATORY_FIELD_MISSING names the one that has no value. */
export function mapFields({ fieldMappings }: EnrollmentProfile, from: FieldValues): Record<string, string> {
  const mapped: Record<string, string> = {};
  for (const { deviceField, source, mandatory } of fieldMappings) {
    if (source === '') continue;
    const value = readSource(source, from).slice(0, MAX_VALUE_CHARACTERS);
    if (value === '' && mandatory) {
      throw invalid('MANDATORY_FIELD_MISSING', `The certificate has no ${source} for the field "${deviceField}".`, {
        field: deviceField,
      });
    }
    if (value !== '') mapped[deviceField] = value;
  }
  return mapped;
}
