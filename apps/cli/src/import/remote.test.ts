import { expect, test } from 'vitest';
import { nameOfRemote, toRemote } from './remote.ts';

test.each([
  ['tls://web.example.test', { host: 'web.example.test', port: 443 }],
  ['TLS://web.example.test:8443/', { host: 'web.example.test', port: 8443 }],
  ['tls://[2001:db8::1]:993', { host: '2001:db8::1', port: 993 }],
  ['tls://bücher.example', { host: 'xn--bcher-kva.example', port: 443 }],
  ['smtp://mail.example.test:443', { host: 'mail.example.test', port: 443, startTls: 'smtp' }],
  ['smtp://mail.example.test', { host: 'mail.example.test', port: 25, startTls: 'smtp' }],
  ['imap://mail.example.test', { host: 'mail.example.test', port: 143, startTls: 'imap' }],
  ['pop3://mail.example.test', { host: 'mail.example.test', port: 110, startTls: 'pop3' }],
  ['ldap://dc.example.test', { host: 'dc.example.test', port: 389, startTls: 'ldap' }],
  ['postgres://db.example.test', { host: 'db.example.test', port: 5432, startTls: 'postgres' }],
  ['mysql://db.example.test', { host: 'db.example.test', port: 3306, startTls: 'mysql' }],
])('%s is a server', (url, endpoint) => {
  expect(toRemote(url)).toEqual({ endpoint });
  expect(toRemote(url, 'other.example.test').endpoint).toMatchObject({ serverName: 'other.example.test' });
});

test('an https URL is a file, with its query; it is shown without', () => {
  const url = 'https://pki.example.test/a.pem?token=canary#x';
  expect(toRemote(url, 'ignored')).toEqual({ url });
  expect(nameOfRemote(url)).toBe('https://pki.example.test/a.pem');
  expect(nameOfRemote('https://user:canary@pki.example.test/a.pem')).toBe('https://pki.example.test/a.pem');
  expect(nameOfRemote('tls://user:canary@no such host?token=canary')).toBe('tls://no such host');
});

test.each([
  'tls://',
  'tls://%',
  'tls://a b',
  'tls://host/path',
  'tls://host?x',
  'tls://host#x',
  'tls://host:0x1',
  'constructor://host',
])('%s is none', (url) => expect(() => toRemote(url)).toThrow(expect.objectContaining({ exitCode: 1 })));
