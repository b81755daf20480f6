import { crc32 } from 'node:zlib';

export interface NamedFile {
  /** Empty when the form gave none. */
  name: string;
  content: Uint8Array;
}

/** Files as one ZIP archive (APPNOTE 6.3.10), stored, without times: the same files are the same bytes. */
export function packFiles(files: NamedFile[]): Buffer {
  const parts: Uint8Array[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content } of withDistinctNames(files)) {
    const fields = describe(name, content);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name)]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, rest, Buffer.from(name)]));
    parts.push(local, content);
    at += local.length + content.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, central, end]);
}

/** What a local header and the directory both say: version 2.0, a name in UTF-8, stored. */
function describe(name: string, content: Uint8Array): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(0x0800, 2);
  fields.writeUInt32LE(crc32(content), 10);
  fields.writeUInt32LE(content.length, 14);
  fields.writeUInt32LE(content.length, 18);
  fields.writeUInt16LE(Buffer.byteLength(name), 22);
  return fields;
}

/** Answers call items by their file: the second of a name has its number before it. */
function withDistinctNames(files: NamedFile[]): NamedFile[] {
  const taken = new Set<string>();
  return files.map(({ name, content }, position) => {
    const given = name || 'file';
    const distinct = name && !taken.has(given) ? given : `${position + 1}-${given}`;
    taken.add(distinct);
    return { name: distinct, content };
  });
}
