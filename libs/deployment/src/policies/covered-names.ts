import type { CertificateFacts } from '@certferry/x509';

/** What says which names a certificate is for. */
export type NamedCertificate = Pick<CertificateFacts, 'commonName' | 'subjectAlternativeNames'>;

const TYPES: readonly string[] = ['dns', 'ip', 'email', 'uri'];

/** Lower case; the common name only where there are no alternative names, as clients had it (RFC 6125 section 6.4.4). */
export function coveredNames({ commonName, subjectAlternativeNames }: NamedCertificate): string[] {
  const names = subjectAlternativeNames.filter(({ type }) => TYPES.includes(type)).map(({ value }) => value);
  return (names.length > 0 || commonName === '' ? names : [commonName]).map((name) =>
    name.toLowerCase().replace(/\.$/, ''),
  );
}

/** Whether one certificate is for any name that another is for; a wildcard stands for one label (RFC 6125 section 6.4.3). */
export function sharesName(one: NamedCertificate, other: NamedCertificate): boolean {
  const [ours, theirs] = [coveredNames(one), coveredNames(other)];
  return isIn(ours, new Set(theirs)) || isIn(theirs, new Set(ours));
}

const isIn = (names: string[], wanted: ReadonlySet<string>): boolean =>
  names.some((name) => wanted.has(name) || wanted.has(name.replace(/^[^.]+/, '*')));
