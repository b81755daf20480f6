import type { Client, Import } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { chainLines } from '../import/chain-lines.ts';
import { readContent } from '../import/content.ts';
import { toSource } from '../import/find-sources.ts';
import { send } from '../import/import-all.ts';
import { checkServerName, containerPasswordOptions, SERVER_NAME, type ContainerOptions } from '../import/options.ts';
import { Passwords } from '../import/passwords.ts';
import { print } from '../output.ts';
import { Progress } from '../progress.ts';
import { describeCertificate } from './describe-certificate.ts';

interface InspectOptions extends ContainerOptions {
  serverName?: string;
}

export function addInspectCommand(program: Command, api: Client): void {
  containerPasswordOptions(
    program
      .command('inspect')
      .argument('<file>', 'PEM, DER, PKCS#7, PKCS#12, JKS, ZIP, …, or a URL as import takes them')
      .description('say what is in a container and what an import would do; keep nothing'),
  )
    .option('--server-name <name>', SERVER_NAME)
    .option('--json', 'print JSON', false)
    .action(async (file: string, options: InspectOptions) => {
      const answer = await inspect(api, file, options);
      print(options.json, answer, () =>
        [
          ...answer.items.map(({ certificate, hasPrivateKey, result, findings, message = '' }) =>
            certificate ? describeCertificate({ ...certificate, hasPrivateKey, result, findings }) : message,
          ),
          ...chainLines(answer).map((line) => `Chain: ${line}`),
          ...(answer.notices ?? []),
        ].join('\n\n'),
      );
    });
}

async function inspect(api: Client, file: string, options: InspectOptions): Promise<Import> {
  checkServerName([file], options.serverName);
  const source = toSource(file, options.serverName);
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
