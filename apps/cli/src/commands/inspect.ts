import type { Client, Import } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { readContent } from '../import/content.ts';
import { toSource } from '../import/find-sources.ts';
import { send } from '../import/import-all.ts';
import { containerPasswordOptions, type ContainerOptions } from '../import/options.ts';
import { Passwords } from '../import/passwords.ts';
import { print } from '../output.ts';
import { Progress } from '../progress.ts';
import { describeCertificate } from './describe-certificate.ts';

export function addInspectCommand(program: Command, api: Client): void {
  containerPasswordOptions(
    program
      .command('inspect')
      .argument('<file>', 'PEM, DER, PKCS#7, PKCS#12, JKS, …')
      .description('say what is in a container and what an import would do; keep nothing'),
  )
    .option('--json', 'print JSON', false)
    .action(async (file: string, options: ContainerOptions) => {
      const answer = await inspect(api, file, options);
      print(options.json, answer, () =>
        [
          ...answer.items.map(({ certificate, hasPrivateKey, result, findings, message = '' }) =>
            certificate ? describeCertificate({ ...certificate, hasPrivateKey, result, findings }) : message,
          ),
          ...chainLines(answer),
          ...(answer.notices ?? []),
        ].join('\n\n'),
      );
    });
}

async function inspect(api: Client, file: string, options: ContainerOptions): Promise<Import> {
  const source = toSource(file);
  const sending = {
    api,
    dryRun: true,
    fields: {},
    passwords: await Passwords.read(options),
    progress: new Progress(false),
  };
  const content = await readContent(source).catch((error: unknown) => {
    throw error instanceof CliError ? new CliError(`${source.name}: ${error.message}`, EXIT.usage) : error;
  });
  return await send({ source, content }, sending).finally(() => sending.progress.end());
}

/** Chains of more than one certificate, by their subjects. */
function chainLines({ chains = [], items }: Import): string[] {
  const subject = (index: number) => items.find((item) => item.index === index)?.subject ?? String(index);
  return chains
    .filter(({ indexes }) => indexes.length > 1)
    .map(({ indexes, crossSigned = [] }) => {
      const also = crossSigned.length > 0 ? ` (also there: ${crossSigned.map(subject).join(', ')})` : '';
      return `Chain: ${indexes.map(subject).join(' < ')}${also}`;
    });
}
