import type { commonV1, inventoryV1 } from '@certferry/contracts';
import type { Certificate, CertificateExtension, CertificateFacts, CertificateLocation } from '@certferry/rest';
import { iso, present } from './json-values.ts';

export function factsToJson(facts: commonV1.CertificateFacts): CertificateFacts {
  const {
    publicKeySha256: _,
    selfIssued: _s,
    version: _v,
    droppedNames: _d,
    oddities: _o,
    notBefore,
    notAfter,
    curve,
    basicConstraints,
    nonMinimalDer,
    ...rest
  } = facts;
  return {
    ...rest,
    curve: present(curve),
    notBefore: iso(notBefore),
    notAfter: iso(notAfter),
    basicConstraints,
    nonMinimalDer: nonMinimalDer || undefined,
  };
}

export const extensionToJson = ({
  oid,
  name,
  critical,
  value,
  text,
}: commonV1.CertificateExtension): CertificateExtension => ({
  oid,
  name: present(name),
  critical,
  value: Buffer.from(value).toString('base64'),
  text: present(text),
});

export function certificateToJson(from: inventoryV1.Certificate, withChain = false): Certificate {
  const { facts, createdAt, updatedAt, chain, extensions, filePath, createdBy, der: _, ...others } = from;
  const { replacesCertificateId, replacedByCertificateId, ...rest } = others;
  return {
    ...rest,
    filePath: present(filePath),
    createdBy: present(createdBy),
    replaces: present(replacesCertificateId),
    replacedBy: present(replacedByCertificateId),
    ...factsToJson(facts!),
    createdAt: iso(createdAt),
    updatedAt: iso(updatedAt),
    ...(withChain && { chain, extensions: extensions.map(extensionToJson) }),
  };
}

export const locationToJson = ({
  jobId,
  deployedAt,
  verifiedAt,
  problem,
  ...rest
}: inventoryV1.Location): CertificateLocation => ({
  ...rest,
  jobId: present(jobId),
  deployedAt: deployedAt && iso(deployedAt),
  verifiedAt: verifiedAt && iso(verifiedAt),
  problem: present(problem),
});
