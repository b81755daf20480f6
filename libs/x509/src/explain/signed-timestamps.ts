import { asBuffer, type DerReader } from '../der-reader.ts';
import { truncated } from '../x509-error.ts';

/** SignedCertificateTimestampList (RFC 6962 section 3.3): log, time and signature algorithm of each. */
export function readSignedTimestamps(value: DerReader): string[] {
  const list = asBuffer(value.octets());
  const text: string[] = [];
  let at = 2;
  while (at < list.length) {
    const length = at + 2 <= list.length ? list.readUInt16BE(at) : list.length;
    const end = at + 2 + length;
    if (end > list.length || length < 43) throw truncated('signed certificate timestamps', at);
    text.push(describe(list.subarray(at + 2, end)));
    at = end;
  }
  return text;
}

/** Version 1 octet, log id 32, time in milliseconds 8, extensions 2 + n, signature. */
function describe(timestamp: Buffer): string {
  if (timestamp[0] !== 0) return `a timestamp of version ${timestamp[0]! + 1}`;
  const logId = timestamp.subarray(1, 33).toString('base64');
  const time = new Date(Number(timestamp.readBigUInt64BE(33)));
  const when = Number.isNaN(time.getTime()) ? 'an impossible time' : time.toISOString();
  return `log ${logId} at ${when}`;
}
