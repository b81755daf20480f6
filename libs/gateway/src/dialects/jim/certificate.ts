import type { inventoryV1 } from '@certferry/contracts';
import { EXPIRING_DAYS } from '../../validate-certificate.ts';
import { toDotNetName, toDotNetSerial, toDotNetTime } from '../display-name.ts';

/** A certificate as JIM's API writes it. */
export interface JimCertificate {
  id: string;
  name: string;
  thumbprint: string;
  subject: string;
  issuer: string;
  serialNumber: string;
  validFrom: string;
  validTo: string;
  sourceType: 'Uploaded' | 'FilePath';
  filePath: string | null;
  isEnabled: boolean;
  createdAt: string;
  createdBy: string | null;
  notes: string | null;
  isExpired: boolean;
  isExpiringSoon: boolean;
  daysUntilExpiry: number;
}

const DAY_MS = 86_400_000;

export function toJimCertificate(
  { id, name, facts, filePath, enabled, createdAt, createdBy, notes }: inventoryV1.Certificate,
  { now, callers }: { now: Date; callers: Map<string, string> },
): JimCertificate {
  const { thumbprint, subject, issuer, serialNumber, notBefore, notAfter } = facts!;
  const left = notAfter!.getTime() - now.getTime();
  return {
    id,
    name,
    thumbprint,
    subject: toDotNetName(subject),
    issuer: toDotNetName(issuer),
    serialNumber: toDotNetSerial(serialNumber),
    validFrom: toDotNetTime(notBefore!),
    validTo: toDotNetTime(notAfter!),
    sourceType: filePath ? 'FilePath' : 'Uploaded',
    filePath: filePath || null,
    isEnabled: enabled,
    createdAt: toDotNetTime(createdAt!),
    createdBy: callers.get(createdBy) ?? (createdBy || null),
    notes: notes || null,
    isExpired: left < 0,
    isExpiringSoon: left >= 0 && left < EXPIRING_DAYS * DAY_MS,
    daysUntilExpiry: Math.trunc(left / DAY_MS),
  };
}
