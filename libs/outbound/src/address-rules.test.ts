import { expect, test } from 'vitest';
import { addressList, AddressRules } from './address-rules.ts';

test.each([
  ['this network', '0.0.0.0', '0.255.255.255'],
  ['private use', '10.0.0.0', '10.255.255.255'],
  ['carriers', '100.64.0.0', '100.127.255.255'],
  ['loopback', '127.0.0.1', '127.255.255.255'],
  ['link-local, where clouds have their metadata', '169.254.0.0', '169.254.169.254'],
  ['private use', '172.16.0.0', '172.31.255.255'],
  ['protocol assignments', '192.0.0.1', '192.0.0.255'],
  ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1'],
  ['6to4 relays', '192.88.99.1'],
  ['private use', '192.168.0.0', '192.168.255.255'],
  ['benchmarks', '198.18.0.0', '198.19.255.255'],
  ['multicast, reserved and broadcast', '224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255'],
  ['unspecified and loopback', '::', '::1'],
  ['IPv4-mapped', '::ffff:127.0.0.1', '::ffff:a00:1', '::ffff:8.8.8.8'],
  ['IPv4-compatible', '::127.0.0.1', '::8.8.8.8'],
  ['translated IPv4', '64:ff9b::10.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::1'],
  ['unique-local', 'fc00::1', 'fd00:ec2::254'],
  ['link-local', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
  ['site-local', 'fec0::1'],
  ['multicast', 'ff02::1'],
  ['Teredo', '2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ['6to4', '2002:7f00:1::', '2002:808:808::1'],
  ['documentation', '2001:db8::1', '3fff::1'],
  ['discard', '100::1'],
])('%s is refused', (_, ...addresses) => {
  const rules = new AddressRules();
  expect(addresses.filter((address) => rules.allows('host.example', address))).toEqual([]);
});

test('public addresses are allowed, up to the borders', () => {
  const addresses =
    '1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2001:200::1 2606:4700::1111 64:ff9b::8.8.8.8'.split(
      ' ',
    );
  const rules = new AddressRules();
  expect(addresses.filter((address) => !rules.allows('host.example', address))).toEqual([]);
});

test('a network, an address or a host name can be allowed', () => {
  const rules = new AddressRules(['10.1.0.0/16', 'fd00::/8', '127.0.0.1', 'Intranet.example.']);
  const tried: [string, string][] = [
    ['a', '10.1.2.3'],
    ['a', '::ffff:10.1.2.3'],
    ['a', 'fd12::1'],
    ['a', '127.0.0.1'],
    ['intranet.EXAMPLE', '192.168.0.1'],
    ['intranet.example.', '::1'],
  ];
  for (const [host, address] of tried)
    expect([host, address, rules.allows(host, address)]).toEqual([host, address, true]);
  for (const address of ['10.2.0.1', '127.0.0.2', '::1', 'fe80::1']) expect(rules.allows('a', address)).toBe(false);
  expect(rules.allows('sub.intranet.example', '192.168.0.1')).toBe(false);
});

test('the setting is a list with commas, and names what is wrong in it', () => {
  expect(addressList.parse(' 10.0.0.0/8, ::1 ,intranet,ca.corp.example,')).toEqual([
    '10.0.0.0/8',
    '::1',
    'intranet',
    'ca.corp.example',
  ]);
  const wrong = [
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0',
    '300.1.1.1',
    'fe80::1%eth0',
    'a b',
    'https://a',
    '10.0.0.0/-1',
  ];
  expect(addressList.safeParse(wrong.join()).error?.issues.map(({ message }) => message)).toEqual(
    wrong.map((entry) => `"${entry}" is neither a network, an address nor a host name`),
  );
});
