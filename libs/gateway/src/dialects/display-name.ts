import { splitName, type NameAttribute } from '@certferry/x509';

/** .NET's short names where they are not RFC 4514's. */
const DOTNET_TYPES: Record<string, string> = { ST: 'S', emailAddress: 'E', EMAIL: 'E' };

function joinName(name: string, types: Record<string, string>): string {
  const text = ({ type, value }: NameAttribute) => {
    const quoted = /[,+="\n<>#;]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
    return `${types[type] ?? type}=${quoted}`;
  };
  return splitName(name)
    .map((rdn) => rdn.map(text).join(' + '))
    .join(', ');
}

/** A name as .NET shows it: `CN=web1, O="Acme, Inc.", S=Zürich`. */
export const toDotNetName = (name: string): string => joinName(name, DOTNET_TYPES);

/** A name as Java shows it: `CN=web1, O="Acme, Inc.", ST=Zürich`. */
export const toJavaName = (name: string): string => joinName(name, {});

/** A serial number as .NET shows it: the bytes of the DER, the zero before a high bit kept. */
export function toDotNetSerial(serialNumber: string): string {
  return /^[89A-F]/.test(serialNumber) ? `00${serialNumber}` : serialNumber;
}

/** ISO 8601 with Z, no fraction when it is zero. */
export const toDotNetTime = (date: Date): string => date.toISOString().replace('.000Z', 'Z');
