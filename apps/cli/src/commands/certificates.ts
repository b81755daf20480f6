import { eachItem, type Client } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { collect } from '../collect.ts';
import { day, print, table } from '../output.ts';
import { describeCertificate } from './describe-certificate.ts';
import { addExportCommand } from './export.ts';
import { addLocationCommands } from './locations.ts';
import { findCertificate } from './find-certificate.ts';

export function addCertificateCommands(program: Command, api: Client): void {
  const certs = program.command('certs').description('certificates in the inventory');
  certs
    .command('ls')
    .description('list certificates')
    .option('--filter <filter>', 'CN -eq "web1" AND NotAfter -lt "2027-01-01"')
    .option('--text <words>', 'words in subject, issuer, names or digests')
    .option('--sort <field>', 'name, commonName, notAfter or createdAt; "-" before it for descending')
    .option('--most <n>', 'at most so many', '100')
    .option('--json', 'print JSON', false)
    .action((options: ListOptions) => list(api, options));
  certs
    .command('show')
    .argument('<certificate>', 'id, name or thumbprint')
    .description('show a certificate with its chain, what it replaces, and where it is')
    .option('--json', 'print JSON', false)
    .action(async (which: string, options: { json: boolean }) => {
      const params = { id: await findCertificate(api, which) };
      const certificate = await api.getCertificate({ params });
      if (options.json) return print(true, certificate, () => '');
      const { items } = await api.listCertificateLocations({ params });
      print(false, certificate, () => describeCertificate({ ...certificate, locations: items }));
    });
  certs
    .command('rm')
    .argument('<certificate>', 'id, name or thumbprint')
    .description('delete a certificate and its private key')
    .option('--yes', 'do not ask', false)
    .option('--force', 'though stores hold it or jobs of it wait', false)
    .action(async (which: string, options: { yes: boolean; force: boolean }) => {
      const id = await findCertificate(api, which);
      if (!options.yes)
        throw new CliError(
          `This deletes the certificate ${id} and its private key for good: say --yes. "certs export --format p12" keeps a copy.`,
          EXIT.usage,
        );
      await api.deleteCertificate({ params: { id }, query: { force: options.force } });
      process.stdout.write(`deleted ${id}\n`);
    });
  addLocationCommands(certs, api);
  addExportCommand(certs, api);
}

interface ListOptions {
  filter?: string;
  text?: string;
  sort?: string;
  most: string;
  json: boolean;
}

async function list(api: Client, { filter, text: q, sort, most, json }: ListOptions): Promise<void> {
  const items = await collect(eachItem(api.listCertificates, { filter, q, sort }, Number(most)));
  const rows = items.map((one) => [
    one.id,
    one.name,
    day(one.notAfter),
    one.hasPrivateKey ? 'yes' : 'no',
    one.enabled ? 'yes' : 'no',
    one.issuer,
  ]);
  print(json, items, () => table(['ID', 'NAME', 'EXPIRES', 'KEY', 'ENABLED', 'ISSUER'], rows));
}
