import { splitName, type CertificateFacts } from '@certferry/x509';

/** A name's attributes of a type; several are joined. */
const attribute = (name: string, type: string): string =>
  splitName(name)
    .flat()
    .flatMap((one) => (one.type === type ? [one.value] : []))
    .join(', ');

const subject = (type: string) => (facts: CertificateFacts) => attribute(facts.subject, type);
const alternative = (type: string) => (facts: CertificateFacts) =>
  facts.subjectAlternativeNames.flatMap((one) => (one.type === type ? [one.value] : [])).join(', ');

/** What of a certificate a device field can be taken from, beside the elements of an XML file. */
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

export const SOURCE_NAMES = Object.keys(SOURCES);
export const isSource = (name: string): boolean => Object.hasOwn(SOURCES, name);

/** What a certificate came with: what it says of itself, and the elements beside it in an XML file. */
export interface FieldValues {
  facts: CertificateFacts;
  fields: Record<string, string>;
}

/** Empty when there is none. */
export function readSource(source: string, { facts, fields }: FieldValues): string {
  if (isSource(source)) return SOURCES[source]!(facts);
  return Object.hasOwn(fields, source) ? fields[source]! : '';
}
