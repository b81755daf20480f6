import { crc32, deflateRawSync } from 'node:zlib';

/** What the directory says of a file, where it is not the truth. */
interface Lies {
  size?: number;
  crc?: number;
}

/** A ZIP archive of deflated files, with the names and the lies that a test wants. */
export function zip(files: [name: string, content: string | Buffer, lies?: Lies][]): Buffer {
  const local: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content, lies = {}] of files) {
    const bytes = Buffer.from(content);
    const packed = deflateRawSync(bytes);
    const names = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x0800, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(lies.crc ?? crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(lies.size ?? bytes.length, 18);
    common.writeUInt16LE(names.length, 22);
    const header = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, names, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002'), Buffer.from([20, 0]), common, tail, names]));
    local.push(header);
    at += header.length;
  }
  const central = Buffer.concat(directory);
  const many = files.length > 0xffff;
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 'latin1');
  end.writeUInt16LE(Math.min(files.length, 0xffff), 8);
  end.writeUInt16LE(Math.min(files.length, 0xffff), 10);
  end.writeUInt32LE(many ? 0xffffffff : central.length, 12);
  end.writeUInt32LE(many ? 0xffffffff : at, 16);
  return Buffer.concat([...local, central, ...(many ? [zip64(files.length, central.length, at)] : []), end]);
}

/** The end of central directory record of ZIP64, and its locator. */
function zip64(count: number, size: number, at: number): Buffer {
  const record = Buffer.alloc(56);
  record.write('PK\u0006\u0006', 'latin1');
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(45, 14);
  for (const [offset, value] of [
    [24, count],
    [32, count],
    [40, size],
    [48, at],
  ] as const)
    record.writeBigUInt64LE(BigInt(value), offset);
  const locator = Buffer.alloc(20);
  locator.write('PK\u0006\u0007', 'latin1');
  locator.writeBigUInt64LE(BigInt(at + size), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([record, locator]);
}
