import { z } from 'zod';
import { named } from './component.ts';
import { time } from './scalars.ts';

const pss = named(
  'PssParameters',
  z.object({ digest: z.string(), maskDigest: z.string(), saltLength: z.int() }).describe('RFC 4055 section 3.1'),
);
export type PssParameters = z.infer<typeof pss>;

export const certificateExtension = named(
  'CertificateExtension',
  z.object({
    oid: z.string(),
    name: z.string().optional().describe('Absent if there is no name for it'),
    critical: z.boolean(),
    value: z.string().describe('DER in base64'),
    text: z.array(z.string()).optional().describe('What it says; absent if it is unknown'),
  }),
);
export type CertificateExtension = z.infer<typeof certificateExtension>;

/** What a certificate says of itself, and its digests. */
export const facts = {
  subject: z.string().describe('RFC 4514'),
  issuer: z.string(),
  commonName: z.string(),
  serialNumber: z.string().describe('Upper-case hexadecimal'),
  notBefore: time,
  notAfter: time,
  subjectAlternativeNames: z.array(
    named(
      'SubjectAlternativeName',
      z.object({ type: z.string().describe('dns, ip, email, uri, …'), value: z.string() }),
    ),
  ),
  keyAlgorithm: z.string(),
  keySize: z.int().describe('Bits'),
  curve: z.string().optional(),
  signatureAlgorithm: z.string(),
  signaturePss: pss.optional().describe('Parameters of an RSASSA-PSS signature'),
  keyPss: pss.optional().describe('What an RSASSA-PSS key is restricted to'),
  nonMinimalDer: z.boolean().optional().describe('Whether its encoding is longer than DER allows'),
  keyUsages: z.array(z.string()),
  extendedKeyUsages: z.array(z.string()),
  basicConstraints: z.object({ certificateAuthority: z.boolean(), pathLength: z.int().optional() }).optional(),
  subjectKeyIdentifier: z.string(),
  authorityKeyIdentifier: z.string(),
  thumbprint: z.string().describe('SHA-1, upper-case hexadecimal'),
  fingerprintSha256: z.string().describe('Lower-case hexadecimal'),
};

export const certificateFacts = named(
  'CertificateFacts',
  z.object({ ...facts, extensions: z.array(certificateExtension).optional() }),
);
export type CertificateFacts = z.infer<typeof certificateFacts>;
