import { asBuffer, context, TAG, type DerReader } from '../der-reader.ts';
import { ipText, readBasicConstraints, readExtendedKeyUsages, readGeneralName, readKeyUsages } from '../extensions.ts';
import { stringValue } from '../name.ts';
import { malformed } from '../x509-error.ts';
import { readSignedTimestamps } from './signed-timestamps.ts';

export interface Explainer {
  /** As its ASN.1 module names it. */
  name: string;
  /** The statements of an extension's value; without it the name is all that is known. */
  read?: (value: DerReader) => string[];
}

const generalName = (names: DerReader): string => {
  const { type, value } = readGeneralName(names);
  return `${type}:${value}`;
};

function collect<T>(list: DerReader, read: (list: DerReader) => T): T[] {
  const found: T[] = [];
  while (!list.done) found.push(read(list));
  return found;
}

const generalNames = (value: DerReader): string[] => collect(value.enter(TAG.sequence), generalName);

/** The content of an implicitly tagged INTEGER. */
function implicitInteger(value: DerReader): number {
  const bytes = value.value();
  if (bytes.length === 0 || bytes.length > 4) throw malformed('integer in an extension', value.start);
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** RFC 5280 section 4.2.1.1 */
function authorityKeyIdentifier(value: DerReader): string[] {
  const text: string[] = [];
  const fields = value.enter(TAG.sequence);
  while (!fields.done) {
    fields.next();
    if (fields.tag === context(0, false)) text.push(`key ${fields.hex()}`);
    else if (fields.tag === context(1))
      text.push(...collect(fields.inside(), (names) => `issuer ${generalName(names)}`));
    else if (fields.tag === context(2, false)) text.push(`serial number ${fields.hex().toUpperCase()}`);
  }
  return text;
}

const POLICIES: Record<string, string> = {
  '2.5.29.32.0': 'anyPolicy',
  '2.23.140.1.1': 'extended validation',
  '2.23.140.1.2.1': 'domain validated',
  '2.23.140.1.2.2': 'organization validated',
  '2.23.140.1.2.3': 'individual validated',
  '2.23.140.1.3': 'extended validation code signing',
  '2.23.140.1.4.1': 'code signing',
};
const policyName = (oid: string): string => (POLICIES[oid] ? `${oid} (${POLICIES[oid]})` : oid);
const CPS = '1.3.6.1.5.5.7.2.1';
const USER_NOTICE = '1.3.6.1.5.5.7.2.2';

/** RFC 5280 section 4.2.1.4 */
function certificatePolicies(value: DerReader): string[] {
  return collect(value.enter(TAG.sequence), (list) => {
    const policy = list.enter(TAG.sequence);
    const name = policyName(policy.oid());
    if (policy.done) return name;
    return [name, ...collect(policy.enter(TAG.sequence), readQualifier)].join(', ');
  });
}

function readQualifier(list: DerReader): string {
  const qualifier = list.enter(TAG.sequence);
  const type = qualifier.oid();
  if (type === CPS) return `CPS ${stringValue(qualifier.next()) ?? ''}`;
  if (type !== USER_NOTICE) return `qualifier ${type}`;
  const notice = qualifier.enter(TAG.sequence);
  let text = '';
  while (!notice.done) if (notice.next().tag !== TAG.sequence) text = stringValue(notice) ?? '';
  return `notice "${text}"`;
}

/** RFC 5280 section 4.2.1.10 */
function nameConstraints(value: DerReader): string[] {
  const text: string[] = [];
  const fields = value.enter(TAG.sequence);
  while (!fields.done) {
    const word = fields.next().tag === context(0) ? 'permitted' : 'excluded';
    text.push(...collect(fields.inside(), (list) => `${word} ${subtree(list.enter(TAG.sequence))}`));
  }
  return text;
}

function subtree(tree: DerReader): string {
  if (tree.peek() !== context(7, false)) return generalName(tree);
  const bytes = tree.next().value();
  const half = bytes.length / 2;
  return `ip:${ipText(bytes.subarray(0, half))}/${ipText(bytes.subarray(half))}`;
}

/** RFC 5280 sections 4.2.1.13 and 4.2.1.15 */
function distributionPoints(value: DerReader): string[] {
  return collect(value.enter(TAG.sequence), (list) => {
    const fields = list.enter(TAG.sequence);
    const parts: string[] = [];
    while (!fields.done) {
      fields.next();
      if (fields.tag === context(0)) parts.push(pointName(fields.inside()));
      else if (fields.tag === context(1, false)) parts.push(`reasons ${bits(fields, REASONS).join(' ')}`);
      else if (fields.tag === context(2)) parts.push(`issued by ${collect(fields.inside(), generalName).join(' ')}`);
    }
    return parts.join(', ');
  });
}

function pointName(choice: DerReader): string {
  choice.next();
  if (choice.tag === context(0)) return collect(choice.inside(), generalName).join(' ');
  return `relative to the issuer: ${choice.hex()}`;
}

const REASONS = [
  'unused',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'privilegeWithdrawn',
  'aACompromise',
];
const NETSCAPE_TYPES = [
  'SSL client',
  'SSL server',
  'S/MIME',
  'object signing',
  '',
  'SSL CA',
  'S/MIME CA',
  'signing CA',
];

/** Names of the bits of the BIT STRING that was read last. */
const bits = (value: DerReader, names: string[]): string[] =>
  names.filter((_, bit) => {
    const at = value.content + 1 + (bit >> 3);
    return at < value.end && (value.bytes[at]! & (0x80 >> (bit & 7))) !== 0;
  });

const ACCESS_METHODS: Record<string, string> = {
  '1.3.6.1.5.5.7.48.1': 'OCSP',
  '1.3.6.1.5.5.7.48.2': 'CA issuers',
  '1.3.6.1.5.5.7.48.3': 'time stamping',
  '1.3.6.1.5.5.7.48.5': 'CA repository',
};

/** RFC 5280 sections 4.2.2.1 and 4.2.2.2 */
function informationAccess(value: DerReader): string[] {
  return collect(value.enter(TAG.sequence), (list) => {
    const access = list.enter(TAG.sequence);
    const method = access.oid();
    return `${ACCESS_METHODS[method] ?? method} ${generalName(access)}`;
  });
}

/** RFC 5280 section 4.2.1.11 */
function policyConstraints(value: DerReader): string[] {
  const fields = value.enter(TAG.sequence);
  return collect(fields, (list) => {
    const word = list.next().tag === context(0, false) ? 'explicit policy required' : 'policy mapping inhibited';
    return `${word} after ${implicitInteger(list)} certificates`;
  });
}

/** RFC 5280 section 4.2.1.5 */
function policyMappings(value: DerReader): string[] {
  return collect(value.enter(TAG.sequence), (list) => {
    const mapping = list.enter(TAG.sequence);
    return `${policyName(mapping.oid())} = ${policyName(mapping.oid())}`;
  });
}

function basicConstraints(value: DerReader): string[] {
  const { certificateAuthority, pathLength } = readBasicConstraints(value);
  const text = [certificateAuthority ? 'a certificate authority' : 'not a certificate authority'];
  if (pathLength !== undefined) text.push(`path length ${pathLength}`);
  return text;
}

/** RFC 5280 (1999's, RFC 2459 section 4.2.1.4): GeneralizedTimes. */
function privateKeyUsagePeriod(value: DerReader): string[] {
  return collect(value.enter(TAG.sequence), (list) => {
    const word = list.next().tag === context(0, false) ? 'from' : 'until';
    return `${word} ${list.latin1(list.content, list.end)}`;
  });
}

/** RFC 5280 section 4.2.1.8 */
function directoryAttributes(value: DerReader): string[] {
  return collect(value.enter(TAG.sequence), (list) => {
    const attribute = list.enter(TAG.sequence);
    const type = attribute.oid();
    const values = collect(attribute.enter(TAG.set), (set) => stringValue(set.next()) ?? `#${set.hex()}`);
    return `${type} ${values.join(' ')}`;
  });
}

const TLS_FEATURES: Record<number, string> = { 5: 'status_request (OCSP must-staple)', 17: 'status_request_v2' };

/** RFC 7633 section 4.2.3.1 */
const tlsFeature = (value: DerReader): string[] =>
  collect(value.enter(TAG.sequence), (list) => {
    const feature = list.integer();
    return TLS_FEATURES[feature] ?? `extension ${feature}`;
  });

const QC_STATEMENTS: Record<string, string> = {
  '1.3.6.1.5.5.7.11.2': 'syntax v2',
  '0.4.0.1862.1.1': 'EU qualified certificate',
  '0.4.0.1862.1.2': 'limit of transactions',
  '0.4.0.1862.1.3': 'retention period',
  '0.4.0.1862.1.4': 'key on a qualified device',
  '0.4.0.1862.1.5': 'disclosure statements',
  '0.4.0.1862.1.6': 'type',
  '0.4.0.1862.1.7': 'legislation',
  '0.4.0.19495.2': 'PSD2',
};

/** RFC 3739 section 3.2.6, ETSI EN 319 412-5. */
const qcStatements = (value: DerReader): string[] =>
  collect(value.enter(TAG.sequence), (list) => {
    const statement = list.enter(TAG.sequence).oid();
    return QC_STATEMENTS[statement] ?? statement;
  });

const text = (value: DerReader): string[] => [stringValue(value.next()) ?? `#${value.hex()}`];

/** Microsoft's certificate template (its OID, then versions). */
function templateInformation(value: DerReader): string[] {
  const template = value.enter(TAG.sequence);
  const parts = [`template ${template.oid()}`];
  if (template.peek() === TAG.integer) parts.push(`version ${template.integer()}`);
  return parts;
}

/** Microsoft's security identifier of an account (KB5014754): otherName with a text. */
const securityIdentifier = (value: DerReader): string[] => {
  const name = value.enter(TAG.sequence).enter(context(0));
  name.oid();
  return [asBuffer(name.enter(context(0)).octets()).toString('latin1')];
};

const nothing = (statement: string) => () => [statement];

/** What is known of extensions by their OID. */
export const EXPLAINERS: Record<string, Explainer> = {
  '2.5.29.9': { name: 'subjectDirectoryAttributes', read: directoryAttributes },
  '2.5.29.14': { name: 'subjectKeyIdentifier', read: (value) => [value.next(TAG.octetString).hex()] },
  '2.5.29.15': { name: 'keyUsage', read: readKeyUsages },
  '2.5.29.16': { name: 'privateKeyUsagePeriod', read: privateKeyUsagePeriod },
  '2.5.29.17': { name: 'subjectAltName', read: generalNames },
  '2.5.29.18': { name: 'issuerAltName', read: generalNames },
  '2.5.29.19': { name: 'basicConstraints', read: basicConstraints },
  '2.5.29.30': { name: 'nameConstraints', read: nameConstraints },
  '2.5.29.31': { name: 'cRLDistributionPoints', read: distributionPoints },
  '2.5.29.32': { name: 'certificatePolicies', read: certificatePolicies },
  '2.5.29.33': { name: 'policyMappings', read: policyMappings },
  '2.5.29.35': { name: 'authorityKeyIdentifier', read: authorityKeyIdentifier },
  '2.5.29.36': { name: 'policyConstraints', read: policyConstraints },
  '2.5.29.37': { name: 'extKeyUsage', read: readExtendedKeyUsages },
  '2.5.29.46': { name: 'freshestCRL', read: distributionPoints },
  '2.5.29.54': { name: 'inhibitAnyPolicy', read: (value) => [`after ${value.integer()} certificates`] },
  '1.3.6.1.5.5.7.1.1': { name: 'authorityInfoAccess', read: informationAccess },
  '1.3.6.1.5.5.7.1.2': { name: 'biometricInfo' },
  '1.3.6.1.5.5.7.1.3': { name: 'qcStatements', read: qcStatements },
  '1.3.6.1.5.5.7.1.7': { name: 'ipAddrBlocks' },
  '1.3.6.1.5.5.7.1.8': { name: 'autonomousSysIds' },
  '1.3.6.1.5.5.7.1.11': { name: 'subjectInfoAccess', read: informationAccess },
  '1.3.6.1.5.5.7.1.12': { name: 'logotype' },
  '1.3.6.1.5.5.7.1.24': { name: 'tlsFeature', read: tlsFeature },
  '1.3.6.1.5.5.7.1.26': { name: 'tnAuthList' },
  '1.3.6.1.5.5.7.1.31': { name: 'acmeIdentifier', read: (value) => [`SHA-256 ${value.next(TAG.octetString).hex()}`] },
  '1.3.6.1.5.5.7.48.1.5': { name: 'ocspNoCheck', read: nothing('the responder is not checked for revocation') },
  '1.3.6.1.4.1.11129.2.4.2': { name: 'signedCertificateTimestampList', read: readSignedTimestamps },
  '1.3.6.1.4.1.11129.2.4.3': { name: 'precertificatePoison', read: nothing('a precertificate, not for use') },
  '1.3.6.1.4.1.11129.2.4.5': { name: 'signedCertificateTimestampList (OCSP)', read: readSignedTimestamps },
  '1.3.6.1.4.1.44363.44': { name: 'delegationUsage', read: nothing('delegated credentials are allowed') },
  '2.23.140.3.1': { name: 'cabfOrganizationIdentifier' },
  '2.16.840.1.113730.1.1': {
    name: 'netscapeCertType',
    read: (value) => bits(value.next(TAG.bitString), NETSCAPE_TYPES).filter((name) => name !== ''),
  },
  '2.16.840.1.113730.1.13': { name: 'netscapeComment', read: text },
  '1.3.6.1.4.1.311.20.2': { name: 'certificateTemplateName', read: text },
  '1.3.6.1.4.1.311.21.1': { name: 'caVersion', read: (value) => [String(value.integer())] },
  '1.3.6.1.4.1.311.21.7': { name: 'certificateTemplate', read: templateInformation },
  '1.3.6.1.4.1.311.21.10': { name: 'applicationPolicies', read: (value) => applicationPolicies(value) },
  '1.3.6.1.4.1.311.25.2': { name: 'ntdsSecurityIdentifier', read: securityIdentifier },
};

const applicationPolicies = (value: DerReader): string[] =>
  collect(value.enter(TAG.sequence), (list) => list.enter(TAG.sequence).oid());
