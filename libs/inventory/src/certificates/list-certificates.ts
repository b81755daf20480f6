import type { Clock } from '@certferry/core';
import type { Page, PageQuery } from '@certferry/database';
import type { Certificate } from './certificate.ts';
import { parseFilter, parseText } from './certificate-filter.ts';
import type { Certificates } from './certificates.ts';

export interface CertificateSearch extends PageQuery {
  /** Keyfactor's query language; empty matches all. */
  filter: string;
  /** Words that must all occur. */
  text: string;
  /** A sort field, "-" before it for descending. */
  sort: string;
}

/** A page of the certificates that match. INVALID_ARGUMENT says what is wrong with filter, text, sort or page. */
export async function listCertificates(
  { certificates, clock }: { certificates: Certificates; clock: Clock },
  { filter, text, ...query }: CertificateSearch,
): Promise<Page<Certificate>> {
  return await certificates.list({ ...query, filter: [parseFilter(filter, clock.now()), parseText(text)] });
}
