import { expect, test } from 'vitest';
import { readEndpointAddress } from './endpoint-address.ts';

test.each([
  ['web.example.test:8443', { host: 'web.example.test', port: 8443 }],
  ['web.example.test', { host: 'web.example.test', port: 443 }],
  ['https://web.example.test/', { host: 'web.example.test', port: 443 }],
  ['192.0.2.1:443', { host: '192.0.2.1', port: 443 }],
  ['[2001:db8::1]:993', { host: '2001:db8::1', port: 993 }],
  ['TLS://web.example.test', { host: 'web.example.test', port: 443 }],
  ['bücher.example:443', { host: 'xn--bcher-kva.example', port: 443 }],
  ['smtp://mail.example.test', { host: 'mail.example.test', port: 25, startTls: 'smtp' }],
  ['postgres://db.example.test:6432', { host: 'db.example.test', port: 6432, startTls: 'postgres' }],
])('%s is a server', (text, address) => expect(readEndpointAddress(text)).toEqual(address));

test.each([
  '',
  'a b:443',
  '2001:db8::1',
  'host:65536',
  'host:0',
  'host:0x1',
  'host:443/path',
  'user:canary@host:443',
  'tls://host?x',
  'ftp://host',
  'constructor://host',
])('"%s" is none', (text) =>
  expect(() => readEndpointAddress(text)).toThrow(expect.objectContaining({ reason: 'INVALID_FIELD' })),
);
