import { TAG, type DerReader } from './der-reader.ts';
import { malformed } from './x509-error.ts';

const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAY_MS = 86_400_000;

/**
 * UTCTime or GeneralizedTime (RFC 5280 section 4.1.2.5). Without seconds, with a fraction of one (which is dropped) or
 * with an offset from UTC it is read and noted under the name of its field, as OpenSSL reads it; MALFORMED for no time.
 */
export function readTime(reader: DerReader, field: string): Date {
  reader.next();
  const { bytes, tag, content, end } = reader;
  const yearDigits = tag === TAG.utcTime ? 2 : tag === TAG.generalizedTime ? 4 : 0;
  if (!yearDigits) throw malformed('time', reader.start);
  const isPlain = end - content - yearDigits === 11 && bytes[end - 1] === 0x5a;
  const { hasSeconds, offset } = isPlain ? PLAIN : readOddForm(reader, { yearDigits, field });
  let year = twoDigits(reader, content);
  if (yearDigits === 2) year += year < 50 ? 2000 : 1900;
  else year = year * 100 + twoDigits(reader, content + 2);
  const at = content + yearDigits;
  const month = twoDigits(reader, at);
  const day = twoDigits(reader, at + 2);
  const hour = twoDigits(reader, at + 4);
  const minute = twoDigits(reader, at + 6);
  const second = hasSeconds ? twoDigits(reader, at + 8) : 0;
  if (month < 1 || month > 12 || day < 1 || day > MONTH_DAYS[month - 1]! || hour > 23 || minute > 59 || second > 60)
    throw malformed('time', reader.start);
  const seconds = hour * 3_600 + (minute - offset) * 60 + second;
  return new Date(daysSince1970(year, month, day) * DAY_MS + seconds * 1_000);
}

interface TimeForm {
  hasSeconds: boolean;
  /** Minutes that it is before UTC. */
  offset: number;
}
const PLAIN: TimeForm = { hasSeconds: true, offset: 0 };
/** X.680 sections 46 and 47, behind the year; a UTCTime has no fraction. */
const ODD_FORM = /^\d{8}(\d\d)?(\.\d+)?(?:Z|([+-])(\d\d)(\d\d))$/;

/** What of a time is not as RFC 5280 wants it. MALFORMED for one that OpenSSL does not read either, as a local time. */
function readOddForm(reader: DerReader, { yearDigits, field }: { yearDigits: number; field: string }): TimeForm {
  const found = ODD_FORM.exec(reader.latin1(reader.content + yearDigits, reader.end));
  if (!found) throw malformed('time', reader.start);
  const [, seconds, fraction, sign, hours, minutes] = found;
  const note = (what: string) =>
    reader.note('ODD_ENCODING', `Its ${field} is a time ${what}: strict readers refuse it.`);
  if (seconds === undefined) note('without seconds');
  if (fraction !== undefined) {
    if (seconds === undefined || yearDigits === 2) throw malformed('time', reader.start);
    note('with a fraction of a second');
  }
  if (sign === undefined) return { hasSeconds: seconds !== undefined, offset: 0 };
  if (Number(hours) > 12 || Number(minutes) > 59) throw malformed('time', reader.start);
  note('with an offset from UTC');
  const offset = (sign === '+' ? 1 : -1) * (Number(hours) * 60 + Number(minutes));
  return { hasSeconds: seconds !== undefined, offset };
}

/** In the Gregorian calendar, counted in years that begin in March: the leap day is then the last of them. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month < 3 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month < 3 ? 9 : -3)) + 2) / 5) + day - 1;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
  );
}

function twoDigits(reader: DerReader, at: number): number {
  const tens = reader.bytes[at]! - 0x30;
  const ones = reader.bytes[at + 1]! - 0x30;
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) throw malformed('time', reader.start);
  return tens * 10 + ones;
}
