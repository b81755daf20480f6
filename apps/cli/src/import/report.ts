import type { ImportItem } from '@certferry/rest';
import { count, plural, table } from '../output.ts';
import { chainLines } from './chain-lines.ts';
import { isFailed, isTaken, toTotals, type Outcome } from './outcome.ts';

/** A file with more certificates than this is one row. */
const MAX_ROWS_OF_FILE = 25;
/** Of each list that wants attention; JSON has all. */
const MAX_LINES = 200;

/** What an import did, for people: what failed first, then what was passed over, notices, where keys came from, chains, each certificate, and the counts. */
export function toText(outcomes: Outcome[], options: { dryRun: boolean; notTried: number }): string {
  const rows = outcomes.flatMap(toRows);
  return [
    list('Failed', outcomes.flatMap(failures)),
    list('Passed over', outcomes.flatMap(passedOver)),
    list(
      'Notices',
      outcomes.flatMap(({ file, import: answer }) => (answer?.notices ?? []).map((notice) => `${file}: ${notice}`)),
    ),
    list('Keys', outcomes.flatMap(keyLines)),
    list('Chains', outcomes.flatMap(chainsOf)),
    rows.length > 0 ? table(['FILE', 'RESULT', 'ID', 'KEY', 'SUBJECT'], rows) : '',
    summary(outcomes, options),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** What failed, a line each. */
export function failures({ file, status, message, reason, import: answer }: Outcome): string[] {
  if (status === 'failed' && !answer) return [`${file}: ${message}${reason ? ` (${reason})` : ''}`];
  const { problem, status: ended } = answer ?? {};
  return [
    ...(problem ? [`${file}: it ended before its end: ${problem.message} (${problem.reason})`] : []),
    ...(ended === 'cancelled' ? [`${file}: it was cancelled before its end`] : []),
    ...(answer?.items ?? [])
      .filter(isFailed)
      .map(
        (item) => `${nameOf(file, item)}: ${item.subject ? `${item.subject}: ` : ''}${item.message} (${item.reason})`,
      ),
  ];
}

/** An item of an archive is called by its own file too. */
const nameOf = (file: string, item: ImportItem) => (item.file ? `${file}: ${item.file}` : file);

/** A file, or files of a large archive; those of another are told of in its notices. */
function passedOver({ file, status, message, import: answer }: Outcome): string[] {
  if (status === 'passed over') return [`${file}: ${message}`];
  const items = (answer?.items ?? []).filter(({ result }) => result === 'passed_over');
  return items.map((item) => `${nameOf(file, item)}: ${item.message}`);
}

/** Where keys came from and went to, besides their own certificates. */
function keyLines({ file, import: answer }: Outcome): string[] {
  return (answer?.items ?? []).flatMap((item) => {
    const { keyFromCertificateId: from, keyAddedTo: to = [], subject = '' } = item;
    return [
      ...(from ? [`${nameOf(file, item)}: the key of ${subject} was there already, with the certificate ${from}`] : []),
      ...(to.length > 0
        ? [
            `${nameOf(file, item)}: the key of ${subject} fits further certificates, which have it now: ${to.join(', ')}`,
          ]
        : []),
    ];
  });
}

function chainsOf({ file, import: answer }: Outcome): string[] {
  if (!answer || answer.items.length > MAX_ROWS_OF_FILE) return [];
  return chainLines(answer).map((line) => `${file}: ${line}`);
}

/** A headed list, cut where it would be too long to read. */
function list(heading: string, lines: string[]): string {
  if (lines.length === 0) return '';
  const more = lines.length - MAX_LINES;
  const shown = more > 0 ? [...lines.slice(0, MAX_LINES), `… and ${count(more)} more; --json has them all`] : lines;
  return [`${heading}:`, ...shown.map((line) => `  ${line}`)].join('\n');
}

function toRows({ file, import: answer }: Outcome): string[][] {
  const items = (answer?.items ?? []).filter(isTaken);
  if (!answer) return [];
  const number = answer.created + answer.updated + answer.unchanged;
  if (number <= MAX_ROWS_OF_FILE) return items.map((item) => toRow(file, item));
  const results = (['created', 'updated', 'unchanged'] as const)
    .filter((result) => answer[result] > 0)
    .map((result) => `${count(answer[result])} ${result}`);
  const keys = items.length < number ? '' : count(items.filter((item) => item.hasPrivateKey).length);
  return [[file, results.join(', '), '', keys, plural(number, 'certificate')]];
}

const toRow = (file: string, item: ImportItem): string[] => [
  nameOf(file, item),
  item.result + (item.changes ? ` (${item.changes.join(', ')})` : ''),
  item.certificateId ?? '',
  item.hasPrivateKey ? 'yes' : 'no',
  item.subject ?? '',
];

function summary(outcomes: Outcome[], { dryRun, notTried }: { dryRun: boolean; notTried: number }): string {
  const { created, updated, unchanged, failed, passedOver } = toTotals(outcomes);
  const numbers = { created, updated, unchanged, failed, 'passed over': passedOver, 'not tried': notTried };
  const parts = Object.entries(numbers).filter(([, number]) => number > 0);
  const text = parts.map(([what, number]) => `${count(number)} ${what}`).join(', ');
  return `${dryRun ? 'A dry run, nothing was kept: ' : ''}${text || 'nothing'}.`;
}
