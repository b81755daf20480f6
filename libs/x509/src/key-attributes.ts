/** Attributes that Windows gives keys and certificates in a PFX, and one that PKCS#8 has from X.509. */
const ATTRIBUTES: Record<string, string> = {
  '1.3.6.1.4.1.311.17.1': 'Microsoft CSP name',
  '1.3.6.1.4.1.311.17.2': 'Microsoft local machine key set',
  '1.3.6.1.4.1.311.17.3.11': 'Microsoft friendly name',
  '1.3.6.1.4.1.311.17.3.20': 'Microsoft key identifier',
  '1.3.6.1.4.1.311.17.3.71': 'Microsoft subject key property',
  '2.5.29.15': 'key usage',
};

/** An attribute of a key or a bag in words, with its text where it has one. */
export function describeAttribute(oid: string, text?: string): string {
  const name = ATTRIBUTES[oid] ?? `attribute ${oid}`;
  return text ? `${name} "${text.slice(0, 200)}"` : name;
}
