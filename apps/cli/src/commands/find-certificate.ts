import { eachItem, type Client } from '@certferry/rest';
import { CliError, EXIT } from '../cli-error.ts';
import { collect } from '../collect.ts';

/** Whether it says one certificate: an id, a thumbprint or a fingerprint. */
export const isOneCertificate = (which: string): boolean => /^([0-9a-f-]{36}|[0-9a-f]{40}|[0-9a-f]{64})$/i.test(which);

/** A certificate's id from its id, its thumbprint or fingerprint, or its name; ambiguous names are refused. */
export async function findCertificate(api: Client, which: string): Promise<string> {
  if (/^[0-9a-f-]{36}$/.test(which)) return which;
  const quoted = JSON.stringify(which);
  const filter = `Thumbprint -eq ${quoted} OR Fingerprint -eq ${quoted} OR Name -eq ${quoted} OR CN -eq ${quoted}`;
  const found = await collect(eachItem(api.listCertificates, { filter }, 5));
  if (found.length === 1) return found[0]!.id;
  if (found.length === 0) throw new CliError(`There is no certificate "${which}".`, EXIT.notFound);
  throw new CliError(
    `Several certificates are named "${which}"; use an id: ${found.map((one) => one.id).join(', ')}.`,
    EXIT.usage,
  );
}
