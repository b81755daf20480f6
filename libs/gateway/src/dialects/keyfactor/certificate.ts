import type { commonV1, inventoryV1 } from '@certferry/contracts';
import { splitName } from '@certferry/x509';
import { toDotNetSerial, toDotNetTime } from '../display-name.ts';

const KEY_TYPES: Record<string, number> = { RSA: 1, 'RSA-PSS': 1, DSA: 2, EC: 3 };
const KEY_TYPE_NAMES = ['Unknown', 'RSA', 'DSA', 'ECC', 'DH'];
/** CertState: 1 Active, 6 CertificateAuthority. */
const ACTIVE = 1;
const AUTHORITY = 6;
const STATE_NAMES: Record<number, string> = { [ACTIVE]: 'Active', [AUTHORITY]: 'CertificateAuthority' };

/** Flags of .NET's X509KeyUsageFlags by the names of RFC 5280 section 4.2.1.3. */
const USAGE_FLAGS: Record<string, number> = {
  encipherOnly: 0x1,
  cRLSign: 0x2,
  keyCertSign: 0x4,
  keyAgreement: 0x8,
  dataEncipherment: 0x10,
  keyEncipherment: 0x20,
  nonRepudiation: 0x40,
  contentCommitment: 0x40,
  digitalSignature: 0x80,
  decipherOnly: 0x8000,
};

/** GeneralName types in Keyfactor's numbers. */
const SAN_TYPES: Record<string, number> = {
  otherName: 0,
  email: 1,
  dns: 2,
  directoryName: 4,
  uri: 6,
  ip: 7,
  registeredId: 8,
};

const attribute = (name: string, type: string): string | null =>
  splitName(name)
    .flat()
    .find((one) => one.type === type)?.value ?? null;

export interface Location {
  StoreMachine: string;
  StorePath: string;
  StoreType: number;
  Alias: string;
  ChainLevel: number;
  CertStoreId: string;
}

export interface Include {
  metadata: boolean;
  hasPrivateKey: boolean;
  contentBytes?: string;
  locations?: Location[];
}

/** A certificate as Keyfactor writes it: PascalCase, absent dates and objects left out. */
export function toKeyfactorCertificate(certificate: inventoryV1.Certificate, include: Include): object {
  const facts = certificate.facts!;
  const { keyAlgorithm, keySize, curve, keyUsages, subjectAlternativeNames, extendedKeyUsages } = facts;
  const keyType = KEY_TYPES[keyAlgorithm] ?? 0;
  const state = facts.basicConstraints?.certificateAuthority ? AUTHORITY : ACTIVE;
  const usage = keyUsages.reduce((flags, name) => flags | (USAGE_FLAGS[name] ?? 0), 0);
  const locations = include.locations ?? [];
  return {
    Id: certificate.number,
    Thumbprint: facts.thumbprint,
    SerialNumber: toDotNetSerial(facts.serialNumber),
    IssuedDN: facts.subject,
    IssuedCN: facts.commonName,
    IssuedOU: attribute(facts.subject, 'OU'),
    IssuedEmail: attribute(facts.subject, 'emailAddress'),
    IssuerDN: facts.issuer,
    ImportDate: toDotNetTime(certificate.createdAt!),
    NotBefore: toDotNetTime(facts.notBefore!),
    NotAfter: toDotNetTime(facts.notAfter!),
    PrincipalId: null,
    PrincipalName: null,
    TemplateId: null,
    TemplateName: null,
    CertState: state,
    CertStateString: STATE_NAMES[state],
    KeySizeInBits: keySize,
    KeyType: keyType,
    KeyTypeString: keyType === 0 ? keyAlgorithm : KEY_TYPE_NAMES[keyType],
    KeyUsage: usage,
    DetailedKeyUsage: detailedUsage(keyUsages, usage),
    SigningAlgorithm: facts.signatureAlgorithm,
    Curve: curve || null,
    RequesterName: null,
    CertificateAuthorityName: null,
    ArchivedKey: false,
    HasPrivateKey: include.hasPrivateKey && certificate.hasPrivateKey,
    KeyRecoverable: include.hasPrivateKey && certificate.hasPrivateKey,
    ...(include.contentBytes !== undefined && { ContentBytes: include.contentBytes }),
    ExtendedKeyUsages: extendedKeyUsages.map((name, i) => ({ Id: i + 1, Oid: name, DisplayName: name })),
    SubjectAltNameElements: subjectAlternativeNames.map(({ type, value }, i) => ({
      Id: i + 1,
      Value: value,
      Type: SAN_TYPES[type] ?? 999,
      ValueHash: '',
    })),
    CRLDistributionPoints: [],
    LocationsCount: countByType(locations),
    SSLLocations: [],
    Locations: locations,
    Metadata: include.metadata ? certificate.metadata : {},
  };
}

function detailedUsage(names: string[], flags: number): object {
  const has = (name: string) => names.includes(name);
  return {
    CrlSign: has('cRLSign'),
    DataEncipherment: has('dataEncipherment'),
    DecipherOnly: has('decipherOnly'),
    DigitalSignature: has('digitalSignature'),
    EncipherOnly: has('encipherOnly'),
    KeyAgreement: has('keyAgreement'),
    KeyCertSign: has('keyCertSign'),
    KeyEncipherment: has('keyEncipherment'),
    NonRepudiation: has('nonRepudiation') || has('contentCommitment'),
    HexCode: flags.toString(16),
  };
}

function countByType(locations: Location[]): object[] {
  const counts = new Map<number, number>();
  for (const { StoreType } of locations) counts.set(StoreType, (counts.get(StoreType) ?? 0) + 1);
  return [...counts].map(([Type, Count]) => ({ Type: String(Type), Count }));
}

/** A certificate of a store's inventory; Id 0 while our inventory does not have it. Metadata is never text. */
export function toInventoryCertificate(facts: commonV1.CertificateFacts, number: number): object {
  return {
    Id: number,
    IssuedDN: facts.subject,
    SerialNumber: toDotNetSerial(facts.serialNumber),
    NotBefore: toDotNetTime(facts.notBefore!),
    NotAfter: toDotNetTime(facts.notAfter!),
    SigningAlgorithm: facts.signatureAlgorithm,
    IssuerDN: facts.issuer,
    Thumbprint: facts.thumbprint,
    CertStoreInventoryItemId: number,
    Metadata: {},
    CertState: facts.basicConstraints?.certificateAuthority ? AUTHORITY : ACTIVE,
  };
}
