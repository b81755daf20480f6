import { parseQuery, refuseFilter } from '@certferry/core';
import {
  escapeExpression,
  fieldTable,
  toDatabaseFilter,
  type DatabaseFilter,
  type QueryField,
} from '@certferry/database';

/** Field names of Keyfactor's query language (without case) and a few of our own. */
const FIELDS: Record<string, QueryField> = {
  cn: { type: 'text', path: 'search.commonName', as: 'lower' },
  issuedcn: { type: 'text', path: 'search.commonName', as: 'lower' },
  dn: { type: 'text', path: 'search.subject', as: 'lower' },
  issueddn: { type: 'text', path: 'search.subject', as: 'lower' },
  issuerdn: { type: 'text', path: 'search.issuer', as: 'lower' },
  san: { type: 'text', path: 'search.alternativeNames', as: 'lower', list: true },
  serialnumber: { type: 'text', path: 'facts.serialNumber', as: 'upper' },
  thumbprint: { type: 'text', path: 'thumbprint', as: 'upper' },
  fingerprint: { type: 'text', path: 'fingerprintSha256', as: 'lower' },
  keytype: { type: 'text', path: 'search.keyAlgorithm', as: 'lower' },
  signingalgorithm: { type: 'text', path: 'search.signatureAlgorithm', as: 'lower' },
  name: { type: 'text', path: 'search.name', as: 'lower' },
  tag: { type: 'text', path: 'tags', as: 'exact', list: true },
  id: { type: 'text', path: '_id', as: 'lower' },
  notes: { type: 'text', path: 'notes', as: 'exact' },
  createdby: { type: 'text', path: 'createdBy', as: 'exact' },
  filepath: { type: 'text', path: 'filePath', as: 'exact' },
  certid: { type: 'number', path: 'number' },
  keysize: { type: 'number', path: 'facts.keySize' },
  notbefore: { type: 'date', path: 'facts.notBefore' },
  issueddate: { type: 'date', path: 'facts.notBefore' },
  notafter: { type: 'date', path: 'facts.notAfter' },
  expirationdate: { type: 'date', path: 'facts.notAfter' },
  importdate: { type: 'date', path: 'createdAt' },
  hasprivatekey: { type: 'boolean', path: 'hasPrivateKey' },
  enabled: { type: 'boolean', path: 'enabled' },
};

const TABLE = fieldTable(FIELDS);

/**
 * Keyfactor's query language (its first part) as a database filter: `CN -eq "web1" AND NotAfter -lt "2027-01-01"`.
 * Text is compared without case. Throws INVALID_ARGUMENT INVALID_FILTER that says what and where.
 */
export function parseFilter(filter: string, now: Date): DatabaseFilter {
  return toDatabaseFilter(parseQuery(filter), { ...TABLE, now });
}

/** Words that must all occur in a certificate's searchable text. */
export function parseText(text: string): DatabaseFilter {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length > 20) refuseFilter('A text search takes at most 20 words.');
  return words.length === 0
    ? {}
    : { $and: words.map((word) => ({ 'search.text': new RegExp(escapeExpression(word)) })) };
}
