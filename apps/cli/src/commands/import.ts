import type { Client, Import } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { print, progress, table } from '../output.ts';
import { KEY_PASSWORD_FILE, passwordOptions, sendContainer, type ContainerOptions } from './send-container.ts';

export function addImportCommand(program: Command, api: Client): void {
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
    .action(async (files: string[], options: ContainerOptions) => {
      const answers: (Import & { file: string })[] = [];
      for (const [i, file] of files.entries()) {
        progress(`${i + 1} of ${files.length}: ${file}`);
        answers.push({ file, ...(await sendContainer(api.importCertificates, file, options)) });
      }
      progress('');
      report(answers, options.json);
    });
}

function report(answers: (Import & { file: string })[], json: boolean): void {
  const rows = answers.flatMap(({ file, items }) =>
    items.map((item) => [
      file,
      item.result + (item.changes ? ` (${item.changes.join(', ')})` : ''),
      item.certificateId ?? '',
      item.hasPrivateKey ? 'yes' : 'no',
      item.subject ?? item.message ?? '',
    ]),
  );
  print(json, answers, () => table(['FILE', 'RESULT', 'ID', 'KEY', 'SUBJECT'], rows));
  for (const { file, notices = [] } of answers)
    for (const notice of notices) process.stderr.write(`certferry: ${file}: ${notice}\n`);
  if (answers.some(({ items }) => items.some((item) => item.result === 'failed')))
    throw new CliError('Some items failed.', EXIT.failed);
}
