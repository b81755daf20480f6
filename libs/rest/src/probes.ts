import { z } from 'zod';
import { certificateFacts } from './certificate-facts.ts';
import { named } from './component.ts';
import { findingCode } from './imports.ts';
import type { Operations } from './operation.ts';
import { text } from './scalars.ts';

export const probeFindingCode = named(
  'ProbeFindingCode',
  z.enum([
    ...findingCode.options,
    'UNREADABLE',
    'SELF_SIGNED',
    'INCOMPLETE_CHAIN',
    'UNKNOWN_ROOT',
    'CHAIN_NOT_IN_ORDER',
    'NAME_MISMATCH',
  ]),
);

/** Where a server is, and whose certificate it is asked for. */
export const endpointFields = {
  address: text(300).describe(
    'host:port, or tls://, smtp://, imap://, pop3://, ldap://, postgres:// or mysql:// with a host and perhaps a port',
  ),
  serverName: text(255).optional().describe('Whose certificate is asked for (SNI); default: the host’s'),
};

const servedCertificate = named(
  'ServedCertificate',
  z.object({
    fingerprintSha256: z.string().describe('Lower-case hexadecimal'),
    certificateId: z.string().optional().describe('The certificate of the inventory that it is'),
    facts: certificateFacts.optional().describe('Absent when it cannot be read'),
    der: z.string().describe('Base64'),
  }),
);

export const probe = named(
  'Probe',
  z.object({
    address: z.string().describe('tls://host:port, smtp://host:port'),
    serverName: z.string().describe('What the names of the certificate were compared with'),
    protocol: z.string().optional().describe('"TLSv1.3"; absent where the handshake ended too early'),
    cipher: z.string().optional().describe('The cipher suite by IANA’s name'),
    certificates: z.array(servedCertificate).describe('The leaf first, in the order in which they were sent'),
    coversServerName: z.boolean(),
    daysLeft: z.int().optional().describe('Whole days until the leaf expires, negative afterwards'),
    findings: z.array(
      named(
        'ProbeFinding',
        z.object({
          code: probeFindingCode,
          message: z.string(),
          index: z.int().describe('Of which of the certificates, counted from 0'),
        }),
      ),
    ),
  }),
);
export type Probe = z.infer<typeof probe>;

export const probeOperations = {
  probeEndpoint: {
    method: 'POST',
    path: '/v1/probes',
    tag: 'probes',
    summary: 'Say what a server shows in TLS, and what is wrong with it',
    description: 'Keeps nothing. Needs the scope "write", as an import from there does: the server calls another.',
    body: named('ProbeRequest', z.strictObject(endpointFields)),
    answers: { 200: probe },
  },
} as const satisfies Operations;
