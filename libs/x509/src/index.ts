export { toDefiniteLengths } from './ber.ts';
export { MAX_CHAIN_LENGTH, orderChains, type Chain, type ChainedCertificate, type OrderedChains } from './chains.ts';
export { bouncyCastleType, readBksKeystore } from './bks.ts';
export {
  isSignedBy,
  MAX_CERTIFICATE_BYTES,
  readCertificate,
  readSubjectPublicKey,
  type CertificateFacts,
} from './certificate.ts';
export { readName, splitName, type NameAttribute } from './name.ts';
export { explainExtensions, type CertificateExtension } from './explain/explain-extensions.ts';
export { FINDING_CODES, type Finding } from './finding.ts';
export { findOddities } from './findings.ts';
export { asBuffer, context, DerReader, TAG } from './der-reader.ts';
export { MAX_NAMES, type SubjectAlternativeName } from './extensions.ts';
export { describeAttribute } from './key-attributes.ts';
export {
  createKeystore,
  editKeystore,
  listKeystore,
  listKeystoreEntries,
  type KeystoreChange,
  type KeystoreEdit,
  type KeystoreEntry,
  type ListedKeystore,
  type KeystoreType,
  type NewEntry,
} from './keystore.ts';
export { isJavaKeystore, readJavaKeystore, type JavaEntry, type JavaKeystore, type JavaPasswords } from './jks.ts';
export { IterationBudget, MAX_KDF_ITERATIONS } from './password-encryption.ts';
export type { Password } from './password-secret.ts';
export { MAX_PEM_BLOCK_BYTES, MAX_PEM_BLOCKS, readPem, writePem, type PemBlock } from './pem.ts';
export { readPkcs12, type Pkcs12, type SafeBag } from './pkcs12.ts';
export { isPkcs7, readPkcs7, writePkcs7 } from './pkcs7.ts';
export {
  decryptPrivateKey,
  encryptPrivateKey,
  readAnyPrivateKey,
  readLegacyEncryptedKey,
  readOpenSshPrivateKey,
  readPrivateKey,
  shapeOfKey,
  writeTraditionalKey,
  type KeyShape,
  type PrivateKey,
} from './private-key.ts';
export { publicKeyBitsOf } from './public-key-bits.ts';
export { ifReadable, malformed, overLimit, passwordRequired, X509Error } from './x509-error.ts';
