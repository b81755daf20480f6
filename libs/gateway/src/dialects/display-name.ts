/** One attribute of a name: `CN` and its value, unescaped. */
interface Attribute {
  type: string;
  value: string;
}

/** The RDNs of an RFC 4514 text, in its order; each with one attribute or more. */
export function splitName(name: string): Attribute[][] {
  const rdns: Attribute[][] = [];
  let [rdn, attribute, raw] = [[] as Attribute[], '', ''];
  let inValue = false;
  const end = (last: boolean) => {
    if (attribute !== '') rdn.push({ type: attribute, value: unescape(raw) });
    [attribute, raw, inValue] = ['', '', false];
    if (last && rdn.length > 0) {
      rdns.push(rdn);
      rdn = [];
    }
  };
  for (let i = 0; i < name.length; i++) {
    const character = name[i]!;
    if (character === '\\') raw += character + (name[++i] ?? '');
    else if (character === '=' && !inValue) [attribute, raw, inValue] = [raw, '', true];
    else if (character === ',' || character === '+') end(character === ',');
    else raw += character;
  }
  end(true);
  return rdns;
}

function unescape(text: string): string {
  const bytes = text.replace(/((?:\\[0-9A-Fa-f]{2})+)/g, (hex) =>
    Buffer.from(hex.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
  return bytes.replace(/\\(.)/g, '$1');
}

/** .NET's short names where they are not RFC 4514's. */
const DOTNET_TYPES: Record<string, string> = { ST: 'S', emailAddress: 'E', EMAIL: 'E' };

function joinName(name: string, types: Record<string, string>): string {
  const text = ({ type, value }: Attribute) => {
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
