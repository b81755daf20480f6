import type { Client, Import } from '@certferry/rest';
import type { Command } from 'commander';
import { print } from '../output.ts';
import { describeCertificate } from './describe-certificate.ts';
import { KEY_PASSWORD_FILE, passwordOptions, sendContainer, type ContainerOptions } from './send-container.ts';

export function addInspectCommand(program: Command, api: Client): void {
  passwordOptions(
    program
      .command('inspect')
      .argument('<file>', 'PEM, DER, PKCS#7, PKCS#12, JKS, …')
      .description('say what is in a container and what an import would do; keep nothing'),
  )
    .option(...KEY_PASSWORD_FILE)
    .option('--json', 'print JSON', false)
    .action(async (file: string, options: ContainerOptions) => {
      const answer = await sendContainer(api.inspectContainer, file, options);
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
