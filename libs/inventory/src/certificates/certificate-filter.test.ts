import { describe, expect, test } from 'vitest';
import { parseFilter, parseText } from './certificate-filter.ts';

const now = new Date('2026-11-23T15:00:00Z');
const parse = (filter: string) => parseFilter(filter, now);

describe('the query language', () => {
  test.each<[string, object]>([
    ['', {}],
    ['()', {}],
    ['CN -eq "Web1"', { 'search.commonName': 'web1' }],
    ['cn –eq web1', { 'search.commonName': 'web1' }],
    ['Thumbprint -eq "ab12"', { thumbprint: 'AB12' }],
    ['CN -contains "a.b"', { 'search.commonName': /a\.b/ }],
    ['CN -notcontains "x"', { 'search.commonName': { $not: /x/ } }],
    [
      'CN -startswith "web" and CN -endswith ".com"',
      { $and: [{ 'search.commonName': /^web/ }, { 'search.commonName': /\.com$/ }] },
    ],
    [
      '(CN -eq "a" OR CN -eq "b")AND KeySize -ge 2048',
      {
        $and: [
          { $or: [{ 'search.commonName': 'a' }, { 'search.commonName': 'b' }] },
          { 'facts.keySize': { $gte: 2048 } },
        ],
      },
    ],
    [
      'CN -eq "a" OR CN -eq "b" AND CN -eq "c"',
      { $or: [{ 'search.commonName': 'a' }, { $and: [{ 'search.commonName': 'b' }, { 'search.commonName': 'c' }] }] },
    ],
    ['NotAfter -lt "2027-01-01"', { 'facts.notAfter': { $lt: new Date('2027-01-01T00:00:00Z') } }],
    ['NotAfter -le "2027-01-01"', { 'facts.notAfter': { $lt: new Date('2027-01-02T00:00:00Z') } }],
    [
      'ExpirationDate -eq "%TODAY+30%"',
      { 'facts.notAfter': { $gte: new Date('2026-12-23T00:00:00Z'), $lt: new Date('2026-12-24T00:00:00Z') } },
    ],
    ['ImportDate -gt "2026-01-01T12:00:00+02:00"', { createdAt: { $gte: new Date('2026-01-01T10:00:00.001Z') } }],
    ['HasPrivateKey -eq true', { hasPrivateKey: { $eq: true } }],
    ['SAN -ne NULL', { 'search.alternativeNames.0': { $exists: true } }],
    [String.raw`Name -eq "a \"b\" \\ c"`, { 'search.name': 'a "b" \\ c' }],
  ])('%s', (filter, expected) => expect(parse(filter)).toEqual(expected));

  test.each([
    ['CN', 'ends early'],
    ['CN -eq', 'ends early'],
    ['CN -eq "a', 'unfinished "quoted value"'],
    ['CN "a"', 'not an operator'],
    ['CN -lt "a"', 'cannot be compared by -lt'],
    ['CertState -eq 1', 'no field "CertState"'],
    ['constructor -eq 1', 'no field "constructor"'],
    ['KeySize -eq big', 'compared with a number'],
    ['HasPrivateKey -eq maybe', 'true or false'],
    ['NotAfter -eq tomorrow', 'compared with a date'],
    ['NotAfter -gt NULL', 'NULL can be compared by -eq'],
    ['CN -eq "a" CN -eq "b"', 'expected AND or OR'],
    ['(CN -eq "a"', 'ends early'],
    [`${'('.repeat(40)}CN -eq a`, 'more than 32 parentheses'],
    [Array.from({ length: 201 }, () => 'CN -eq a').join(' OR '), 'more than 200 comparisons'],
    ['x'.repeat(10_001), 'more than 10000 characters'],
  ])('%s is refused', (filter, message) => expect(() => parse(filter)).toThrow(message));

  test('a value is never an expression or an operator', () => {
    expect(parse('CN -contains "(a+)+$"')).toEqual({ 'search.commonName': /\(a\+\)\+\$/ });
    expect(parse('CN -eq "$where"')).toEqual({ 'search.commonName': '$where' });
    expect(parseText('a.*b')).toEqual({ $and: [{ 'search.text': /a\.\*b/ }] });
  });
});
