import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

/** Not reachable from the whole Internet, by IANA's special-purpose address registries, or not one host. */
const REFUSED_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];
/** Of IPv6 only these can be public: unicast addresses, and IPv4 ones behind a translator (RFC 6052). */
const GLOBAL_IPV6 = ['2000::/3', '64:ff9b::/96'];
/** Within them: protocol assignments with Teredo, documentation, 6to4 (which hides an IPv4 address), and refused IPv4 ones translated. */
const REFUSED_IPV6 = [
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  ...REFUSED_IPV4.map((network) => {
    const { address, prefix } = parseNetwork(network)!;
    return `64:ff9b::${address}/${96 + prefix}`;
  }),
];

/** Which addresses an outbound connection may go to: public ones, and what the configuration allows. */
export class AddressRules {
  readonly #allowed: BlockList;
  readonly #allowedHosts: Set<string>;

  /** Networks (CIDR), addresses and host names; a host name allows whatever address it has. */
  constructor(allow: readonly string[] = []) {
    this.#allowed = blockListOf(allow.filter((entry) => parseNetwork(entry)));
    this.#allowedHosts = new Set(allow.filter((entry) => !parseNetwork(entry)).map(normalizeHost));
  }

  /** Whether the host, found at this address, may be connected to. */
  allows(host: string, address: string): boolean {
    if (this.#allowedHosts.has(normalizeHost(host)) || contains(this.#allowed, address)) return true;
    if (isIP(address) === 4) return !contains(REFUSED, address);
    return contains(GLOBAL, address) && !contains(REFUSED, address);
  }
}

/** Networks, addresses and host names, separated by commas. */
export const addressList = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  )
  .superRefine((entries, context) => {
    for (const entry of entries.filter((one) => !parseNetwork(one) && !HOST_NAME.test(one)))
      context.addIssue({ code: 'custom', message: `"${entry}" is neither a network, an address nor a host name` });
  });

/** Digits and dots alone are a wrong address, not a name. */
const HOST_NAME = /^(?![\d.]+$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*\.?$/i;

const normalizeHost = (host: string): string => host.toLowerCase().replace(/\.$/, '');

/** An address is a network of one. Undefined for what is neither. */
function parseNetwork(text: string): { address: string; prefix: number } | undefined {
  const [address, prefix, ...rest] = text.split('/') as [string, ...string[]];
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)]!;
  if (bits === 0 || rest.length > 0 || address.includes('%')) return undefined;
  if (prefix === undefined) return { address, prefix: bits };
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits ? { address, prefix: Number(prefix) } : undefined;
}

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const { address, prefix } = parseNetwork(network)!;
    list.addSubnet(address, prefix, familyOf(address));
  }
  return list;
}

/** Of an IPv4-mapped IPv6 address a list of IPv4 networks is asked: BlockList sees to it. */
const contains = (list: BlockList, address: string): boolean => list.check(address, familyOf(address));

const familyOf = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6');

const REFUSED = blockListOf([...REFUSED_IPV4, ...REFUSED_IPV6]);
const GLOBAL = blockListOf(GLOBAL_IPV6);
