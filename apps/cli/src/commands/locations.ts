import type { CertificateLocation, Client } from '@certferry/rest';
import type { Command } from 'commander';
import { day, print, table } from '../output.ts';
import { findCertificate } from './find-certificate.ts';

/** Where a certificate is, and what it replaces. */
export function addLocationCommands(certs: Command, api: Client): void {
  certs
    .command('locations')
    .argument('<certificate>', 'id, name or thumbprint')
    .description('list the stores that hold a certificate')
    .option('--verify', 'read the stores first', false)
    .option('--json', 'print JSON', false)
    .action(async (which: string, { verify, json }: { verify: boolean; json: boolean }) => {
      const id = await findCertificate(api, which);
      const { items } = await api.listCertificateLocations({ params: { id }, query: { verify } });
      print(json, items, () => locationTable(items));
    });
  certs
    .command('link')
    .argument('<certificate>', 'id, name or thumbprint of the newer one')
    .description('say which certificate it replaces; this stays, whatever comes in')
    .requiredOption('--replaces <certificate>', 'id, name or thumbprint of the older one')
    .action(async (which: string, { replaces }: { replaces: string }) => {
      const [id, certificateId] = [await findCertificate(api, which), await findCertificate(api, replaces)];
      await api.linkCertificate({ params: { id }, body: { certificateId } });
      process.stdout.write(`${id} replaces ${certificateId}\n`);
    });
  certs
    .command('unlink')
    .argument('<certificate>', 'id, name or thumbprint of the newer one')
    .description('say that it replaces none; this stays, whatever comes in')
    .action(async (which: string) => {
      const id = await findCertificate(api, which);
      await api.unlinkCertificate({ params: { id } });
      process.stdout.write(`${id} replaces none\n`);
    });
}

function locationTable(items: CertificateLocation[]): string {
  const rows = items.map((one) => [
    one.storeName,
    one.alias || '-',
    one.hasPrivateKey ? 'yes' : 'no',
    one.deployedAt ? day(one.deployedAt) : '-',
    one.verifiedAt ?? '-',
    one.problem ?? one.jobId ?? '-',
  ]);
  return table(['STORE', 'ALIAS', 'KEY', 'SINCE', 'VERIFIED', 'JOB'], rows);
}

/** A line each, for what is shown of a certificate. */
export const locationLines = (items: CertificateLocation[]): string =>
  items
    .map(
      (one) =>
        `${one.storeName}${one.alias && ` (${one.alias})`}${one.deployedAt ? ` since ${day(one.deployedAt)}` : ''}`,
    )
    .join('\n');
