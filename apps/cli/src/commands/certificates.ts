import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { CliError, EXIT, type ApiClient } from '../api-client.ts';
import { day, fields, print, progress, table } from '../output.ts';
import { readPassword, type PasswordOptions } from '../password.ts';

interface PssParameters {
  digest: string;
  maskDigest: string;
  saltLength: number;
}

interface Certificate {
  id: string;
  name: string;
  subject: string;
  issuer: string;
  serialNumber: string;
  notBefore: string;
  notAfter: string;
  subjectAlternativeNames: { type: string; value: string }[];
  keyAlgorithm: string;
  keySize: number;
  curve?: string;
  signatureAlgorithm: string;
  signaturePss?: PssParameters;
  keyPss?: PssParameters;
  thumbprint: string;
  fingerprintSha256: string;
  enabled: boolean;
  hasPrivateKey: boolean;
  tags: string[];
  notes: string;
  chain?: { subject: string }[];
  extensions?: { oid: string; name?: string; critical: boolean; value: string; text?: string[] }[];
}

interface ImportItem {
  index: number;
  result: string;
  certificateId?: string;
  subject?: string;
  hasPrivateKey: boolean;
  changes?: string[];
  message?: string;
  findings?: { message: string }[];
  certificate?: Certificate;
}

interface ImportAnswer {
  id: string;
  format: string;
  notices?: string[];
  chains?: { indexes: number[]; crossSigned?: number[] }[];
  items: ImportItem[];
}

interface ImportOptions extends PasswordOptions {
  name?: string;
  notes?: string;
  tag?: string[];
  keyPasswordFile?: string;
  json: boolean;
}

const readInput = (path: string): Buffer => {
  try {
    return readFileSync(path === '-' ? 0 : path);
  } catch {
    throw new CliError(`The file ${path} cannot be read.`, EXIT.usage);
  }
};

/** Sends a container; asks for its password when the server says that one is needed. */
async function send(
  api: ApiClient,
  path: string,
  from: { file: string; options: ImportOptions },
): Promise<ImportAnswer> {
  const content = readInput(from.file);
  const keyPassword = await readPassword(
    { passwordFile: from.options.keyPasswordFile },
    { prompt: '', variable: 'CERTFERRY_KEY_PASSWORD' },
  );
  const attempt = async (password: string | undefined) => {
    const form = new FormData();
    const { name, notes, tag } = from.options;
    const tags = tag && JSON.stringify(tag);
    for (const [field, value] of Object.entries({ password, keyPassword, name, notes, tags }))
      if (value !== undefined) form.set(field, value);
    form.set('file', new Blob([new Uint8Array(content)]), basename(from.file));
    return (await (await api.request('POST', path, { body: form })).json()) as ImportAnswer;
  };
  const given = await readPassword(from.options, { prompt: '', variable: 'CERTFERRY_PASSWORD' });
  try {
    return await attempt(given);
  } catch (error) {
    if (
      given !== undefined ||
      !(error instanceof CliError) ||
      !error.message.includes('PASSWORD_REQUIRED') ||
      !process.stdin.isTTY
    )
      throw error;
    return await attempt(
      await readPassword({}, { prompt: `Password of ${from.file}`, variable: 'CERTFERRY_PASSWORD', required: true }),
    );
  }
}

/** Chains of more than one certificate, by their subjects. */
function chainLines({ chains = [], items }: ImportAnswer): string[] {
  const subject = (index: number) => items.find((item) => item.index === index)?.subject ?? String(index);
  return chains
    .filter(({ indexes }) => indexes.length > 1)
    .map(({ indexes, crossSigned = [] }) => {
      const also = crossSigned.length > 0 ? ` (also there: ${crossSigned.map(subject).join(', ')})` : '';
      return `Chain: ${indexes.map(subject).join(' < ')}${also}`;
    });
}

const passwordOptions = (command: Command): Command =>
  command
    .option('--password-file <file>', 'read the password from a file ("-": standard input)')
    .option('--password-env <name>', 'read the password from this environment variable (default: CERTFERRY_PASSWORD)');

const KEY_PASSWORD_FILE = [
  '--key-password-file <file>',
  'the password of keys that have one of their own (or CERTFERRY_KEY_PASSWORD)',
] as const;

export function addCertificateCommands(program: Command, api: ApiClient): void {
  passwordOptions(
    program
      .command('import')
      .argument('<file...>', 'PEM, DER, PKCS#7, PKCS#12, JKS, … ("-": standard input)')
      .description('import containers of certificates and keys'),
  )
    .option(...KEY_PASSWORD_FILE)
    .option('--name <name>', 'name of the certificate')
    .option('--notes <text>', 'notes on the certificate')
    .option('--tag <tag...>', 'tags of the certificate')
    .option('--json', 'print JSON', false)
    .action(async (files: string[], options: ImportOptions) => {
      const answers: (ImportAnswer & { file: string })[] = [];
      for (const [i, file] of files.entries()) {
        progress(`${i + 1} of ${files.length}: ${file}`);
        answers.push({ file, ...(await send(api, '/v1/imports', { file, options })) });
      }
      progress('');
      const rows = answers.flatMap(({ file, items }) =>
        items.map((item) => [
          file,
          item.result + (item.changes ? ` (${item.changes.join(', ')})` : ''),
          item.certificateId ?? '',
          item.hasPrivateKey ? 'yes' : 'no',
          item.subject ?? item.message ?? '',
        ]),
      );
      print(options.json, answers, () => table(['FILE', 'RESULT', 'ID', 'KEY', 'SUBJECT'], rows));
      for (const { file, notices = [] } of answers)
        for (const notice of notices) process.stderr.write(`certferry: ${file}: ${notice}\n`);
      if (answers.some(({ items }) => items.some((item) => item.result === 'failed')))
        throw new CliError('Some items failed.', EXIT.failed);
    });

  passwordOptions(
    program
      .command('inspect')
      .argument('<file>', 'PEM, DER, PKCS#7, PKCS#12, JKS, …')
      .description('say what is in a container and what an import would do; keep nothing'),
  )
    .option(...KEY_PASSWORD_FILE)
    .option('--json', 'print JSON', false)
    .action(async (file: string, options: ImportOptions) => {
      const answer = await send(api, '/v1/imports/inspect', { file, options });
      print(options.json, answer, () =>
        [
          ...answer.items.map((item) =>
            item.certificate
              ? describe(
                  { ...item.certificate, hasPrivateKey: item.hasPrivateKey },
                  { result: item.result, findings: item.findings },
                )
              : (item.message ?? ''),
          ),
          ...chainLines(answer),
          ...(answer.notices ?? []),
        ].join('\n\n'),
      );
    });

  const certs = program.command('certs').description('certificates in the inventory');
  certs
    .command('ls')
    .description('list certificates')
    .option('--filter <filter>', 'CN -eq "web1" AND NotAfter -lt "2027-01-01"')
    .option('--text <words>', 'words in subject, issuer, names or digests')
    .option('--sort <field>', 'name, commonName, notAfter or createdAt; "-" before it for descending')
    .option('--most <n>', 'at most so many', '100')
    .option('--json', 'print JSON', false)
    .action(async (options: { filter?: string; text?: string; sort?: string; most: string; json: boolean }) => {
      const items = await api.list<Certificate>(
        '/v1/certificates',
        { filter: options.filter, q: options.text, sort: options.sort },
        Number(options.most),
      );
      const rows = items.map((one) => [
        one.id,
        one.name,
        day(one.notAfter),
        one.hasPrivateKey ? 'yes' : 'no',
        one.enabled ? 'yes' : 'no',
        one.issuer,
      ]);
      print(options.json, items, () => table(['ID', 'NAME', 'EXPIRES', 'KEY', 'ENABLED', 'ISSUER'], rows));
    });
  certs
    .command('show')
    .argument('<certificate>', 'id, name or thumbprint')
    .description('show a certificate with its chain')
    .option('--json', 'print JSON', false)
    .action(async (which: string, options: { json: boolean }) => {
      const certificate = await api.json<Certificate>('GET', `/v1/certificates/${await findCertificate(api, which)}`);
      print(options.json, certificate, () => describe(certificate));
    });
  certs
    .command('rm')
    .argument('<certificate>', 'id, name or thumbprint')
    .description('delete a certificate and its private key')
    .option('--yes', 'do not ask', false)
    .action(async (which: string, options: { yes: boolean }) => {
      const id = await findCertificate(api, which);
      if (!options.yes)
        throw new CliError(
          `This deletes the certificate ${id} and its private key for good: say --yes. "certs export --format p12" keeps a copy.`,
          EXIT.usage,
        );
      await api.request('DELETE', `/v1/certificates/${id}`);
      process.stdout.write(`deleted ${id}\n`);
    });
  passwordOptions(
    certs
      .command('export')
      .argument('<certificate>', 'id, name or thumbprint')
      .description('write a certificate to a file'),
  )
    .requiredOption('--format <format>', `${FORMATS.join(', ')}; with the key: ${Object.keys(KEY_FORMATS).join(', ')}`)
    .option('--unencrypted', 'the key in the clear, for key-pem, key and key-traditional', false)
    .option('--out <file>', 'file to write (default: standard output)')
    .action(async (which: string, options: ExportOptions) => {
      const id = await findCertificate(api, which);
      const content = await download(api, id, options);
      if (options.out) writeFileSync(options.out, content, { mode: 0o600 });
      else process.stdout.write(content);
    });
}

const FORMATS = ['pem', 'chain', 'issuers', 'der', 'p7b'];
/** Formats with the key, and what the server calls them. */
const KEY_FORMATS: Record<string, string> = {
  'key-pem': 'pem',
  key: 'key',
  'key-traditional': 'traditional',
  p12: 'p12',
  'p12-legacy': 'p12-legacy',
  jks: 'jks',
};

interface ExportOptions extends PasswordOptions {
  format: string;
  unencrypted: boolean;
  out?: string;
}

async function download(api: ApiClient, id: string, options: ExportOptions): Promise<Buffer> {
  const path = `/v1/certificates/${id}/download`;
  const format = KEY_FORMATS[options.format];
  if (!format)
    return Buffer.from(
      await (await api.request('GET', `${path}?format=${encodeURIComponent(options.format)}`)).arrayBuffer(),
    );
  const protection = options.unencrypted
    ? { unencrypted: true }
    : {
        password: await readPassword(options, {
          prompt: 'Password for the file',
          variable: 'CERTFERRY_PASSWORD',
          required: true,
        }),
      };
  return Buffer.from(await (await api.request('POST', path, { body: { format, ...protection } })).arrayBuffer());
}

/** A certificate's id from its id, its thumbprint or fingerprint, or its name; ambiguous names are refused. */
export async function findCertificate(api: ApiClient, which: string): Promise<string> {
  if (/^[0-9a-f-]{36}$/.test(which)) return which;
  const quoted = JSON.stringify(which);
  const filter = `Thumbprint -eq ${quoted} OR Fingerprint -eq ${quoted} OR Name -eq ${quoted} OR CN -eq ${quoted}`;
  const found = await api.list<Certificate>('/v1/certificates', { filter }, 5);
  if (found.length === 1) return found[0]!.id;
  if (found.length === 0) throw new CliError(`There is no certificate "${which}".`, EXIT.notFound);
  throw new CliError(
    `Several certificates are named "${which}"; use an id: ${found.map((one) => one.id).join(', ')}.`,
    EXIT.usage,
  );
}

const pssText = (pss?: PssParameters): string =>
  pss ? ` (${pss.digest}, MGF1 with ${pss.maskDigest}, ${pss.saltLength} bytes of salt)` : '';

/** Unknown ones by OID and bytes. */
function extensionLine({ oid, name = oid, critical, value, text }: NonNullable<Certificate['extensions']>[0]): string {
  return `${name}${critical ? ' (critical)' : ''}: ${text?.join(', ') ?? Buffer.from(value, 'base64').toString('hex')}`;
}

function describe(
  certificate: Certificate,
  { result = '', findings = [] }: { result?: string; findings?: { message: string }[] } = {},
): string {
  return fields([
    ['Subject', certificate.subject],
    ['Issuer', certificate.issuer],
    ['Serial number', certificate.serialNumber],
    ['Valid', `${certificate.notBefore} to ${certificate.notAfter}`],
    ['Names', certificate.subjectAlternativeNames.map((one) => `${one.type}:${one.value}`).join(', ')],
    [
      'Key',
      `${certificate.keyAlgorithm} ${certificate.curve ?? certificate.keySize}${pssText(certificate.keyPss)}${certificate.hasPrivateKey ? ', private key present' : ''}`,
    ],
    ['Signature', certificate.signatureAlgorithm + pssText(certificate.signaturePss)],
    ['SHA-1', certificate.thumbprint],
    ['SHA-256', certificate.fingerprintSha256],
    ['Chain', (certificate.chain ?? []).map((one) => one.subject).join(' < ')],
    ['Extensions', (certificate.extensions ?? []).map(extensionLine).join('\n')],
    ['Id', certificate.id ?? ''],
    ['Import would be', result],
    ['Findings', findings.map((one) => one.message).join(' ')],
  ]);
}
