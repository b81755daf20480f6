import { AppError, invalid, precondition } from '@certferry/core';
import { isDuplicateKey, listPage, type Database, type Page, type PageQuery } from '@certferry/database';
import { splitName, type CertificateFacts } from '@certferry/x509';
import mongoose, { type Model } from 'mongoose';

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

const schema = new mongoose.Schema<EnrollmentProfile>(
  {
    _id: String,
    name: String,
    format: String,
    fieldMappings: { type: [Object], default: undefined },
    targetStoreIds: { type: [String], default: undefined },
    createdAt: Date,
  },
  { versionKey: false, minimize: false },
);
schema.index({ name: 1 }, { unique: true });

const MOST = 100;
const ELEMENT = /^[A-Za-z_][\w.-]{0,99}$/;

/** INVALID_ARGUMENT INVALID_FIELD names what is wrong with a profile. */
export function checkProfile(profile: Omit<EnrollmentProfile, '_id' | 'createdAt'>): void {
  const refuse = (field: string, message: string) => invalid('INVALID_FIELD', message, { field });
  const { name, format, fieldMappings, targetStoreIds } = profile;
  if (name.trim() === '' || name.length > 200) throw refuse('name', 'The name must have 1 to 200 characters.');
  if (!['pem', 'xml'].includes(format)) throw refuse('format', 'The format must be pem or xml.');
  if (fieldMappings.length > MOST) throw refuse('fieldMappings', `There can be at most ${MOST} field mappings.`);
  if (targetStoreIds.length > MOST) throw refuse('targetStoreIds', `There can be at most ${MOST} target stores.`);
  const names = new Set(fieldMappings.map((mapping) => mapping.deviceField));
  if (names.size < fieldMappings.length) throw refuse('fieldMappings', 'A device field is mapped twice.');
  for (const { deviceField, source, mandatory } of fieldMappings) {
    if (deviceField === '' || deviceField.length > 100)
      throw refuse('deviceField', 'A device field has a name of 1 to 100 characters.');
    if (source === '' && mandatory)
      throw refuse('source', `The device field "${deviceField}" is mandatory and must be mapped.`);
    const known = source === '' || Object.hasOwn(SOURCES, source) || (format === 'xml' && ELEMENT.test(source));
    if (!known) {
      const names = Object.keys(SOURCES).join(', ');
      throw refuse('source', `There is no source "${source}" in a ${format} archive; there are ${names}.`);
    }
  }
}

/** A name's attributes of a type; several are joined. */
const attribute = (name: string, type: string): string =>
  splitName(name)
    .flat()
    .flatMap((one) => (one.type === type ? [one.value] : []))
    .join(', ');

const subject = (type: string) => (facts: CertificateFacts) => attribute(facts.subject, type);
const alternative = (type: string) => (facts: CertificateFacts) =>
  facts.subjectAlternativeNames.flatMap((one) => (one.type === type ? [one.value] : [])).join(', ');

/** What of a certificate a device field can be taken from. */
const SOURCES: Record<string, (facts: CertificateFacts) => string> = {
  'subject.common_name': (facts) => facts.commonName,
  'subject.organization_name': subject('O'),
  'subject.organization_unit': subject('OU'),
  'subject.country': subject('C'),
  'subject.state': subject('ST'),
  'subject.locality': subject('L'),
  'subject.serial_number': subject('serialNumber'),
  'san.dns_name': alternative('dns'),
  'san.ip_address': alternative('ip'),
  'san.email': alternative('email'),
  'san.uri': alternative('uri'),
  serial_number: (facts) => facts.serialNumber,
};

/** The device's fields of a certificate. INVALID_ARGUMENT MANDATORY_FIELD_MISSING names the one that has no value. */
export function mapFields(
  { fieldMappings }: EnrollmentProfile,
  from: { facts: CertificateFacts; fields: Record<string, string> },
): Record<string, string> {
  const mapped: Record<string, string> = {};
  for (const { deviceField, source, mandatory } of fieldMappings) {
    if (source === '') continue;
    const read = Object.hasOwn(SOURCES, source) ? SOURCES[source] : undefined;
    const value = (read ? read(from.facts) : Object.hasOwn(from.fields, source) ? from.fields[source]! : '').slice(
      0,
      4_000,
    );
    if (value === '' && mandatory) {
      throw invalid('MANDATORY_FIELD_MISSING', `The certificate has no ${source} for the field "${deviceField}".`, {
        field: deviceField,
      });
    }
    if (value !== '') mapped[deviceField] = value;
  }
  return mapped;
}

export class EnrollmentProfiles {
  readonly #model: Model<EnrollmentProfile>;

  constructor(database: Database) {
    this.#model = database.model<EnrollmentProfile>('enrollment_profiles', schema);
  }

  async insert(profile: EnrollmentProfile): Promise<void> {
    await this.#model.create(profile).catch((error: unknown) => {
      if (!isDuplicateKey(error)) throw error;
      const message = `There is an enrollment profile named "${profile.name}" already.`;
      throw new AppError({ code: 'ALREADY_EXISTS', reason: 'PROFILE_NAME_TAKEN', message });
    });
  }

  async find(id: string): Promise<EnrollmentProfile | undefined> {
    return ((await this.#model.findById(id).lean()) as EnrollmentProfile | null) ?? undefined;
  }

  async list(page: PageQuery): Promise<Page<EnrollmentProfile>> {
    return await listPage(this.#model, { filter: [], sort: { name: 'name', path: 'name', direction: 1 } }, page);
  }

  async delete(id: string): Promise<boolean> {
    return (await this.#model.deleteOne({ _id: id })).deletedCount === 1;
  }
}

export const profileHasImports = (id: string): AppError =>
  precondition('PROFILE_HAS_IMPORTS', 'The profile has an import that has not ended.', { id });
