import type { Client, Probe } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { fields, plural, print } from '../output.ts';

export function addProbeCommand(program: Command, api: Client): void {
  program
    .command('probe')
    .argument('<server>', 'host:port, or tls://, smtp://, imap://, pop3://, ldap://, postgres://, mysql:// with a host')
    .description('say what a server shows in TLS and what is wrong with it; Certferry goes there, not this machine')
    .option('--server-name <name>', 'whose certificate is asked for (SNI; default: the host’s)')
    .option('--json', 'print JSON', false)
    .action(async (address: string, { serverName, json }: { serverName?: string; json: boolean }) => {
      const probe = await api.probeEndpoint({ body: { address, serverName } });
      print(json, probe, () => describeProbe(probe));
      const wrong = verdict(probe);
      if (wrong) throw wrong;
    });
}

/** What makes the exit code: dates before names, names before the chain. */
const VERDICTS: { codes: Probe['findings'][number]['code'][]; exitCode: number }[] = [
  { codes: ['EXPIRED', 'NOT_YET_VALID', 'UNREADABLE'], exitCode: EXIT.notValid },
  { codes: ['NAME_MISMATCH'], exitCode: EXIT.nameMismatch },
  { codes: ['INCOMPLETE_CHAIN', 'SELF_SIGNED'], exitCode: EXIT.brokenChain },
];

function verdict({ address, findings }: Probe): CliError | undefined {
  for (const { codes, exitCode } of VERDICTS) {
    const found = findings.find(({ code }) => codes.includes(code));
    if (found) return new CliError(`${address}: ${found.message} (${found.code})`, exitCode);
  }
  return undefined;
}

function describeProbe({ address, serverName, protocol, cipher, certificates, daysLeft, findings }: Probe): string {
  const [leaf, ...chain] = certificates;
  const { facts } = leaf!;
  const left = daysLeft === undefined ? '' : daysLeft < 0 ? 'expired' : `${plural(daysLeft, 'day')} left`;
  return fields([
    ['Server', address],
    ['Asked for', serverName],
    ['TLS', [protocol, cipher].filter(Boolean).join(', ')],
    ['Subject', facts?.subject ?? ''],
    ['Issuer', facts?.issuer ?? ''],
    ['Valid', facts ? `${facts.notBefore} to ${facts.notAfter}, ${left}` : ''],
    ['Names', facts?.subjectAlternativeNames.map((one) => `${one.type}:${one.value}`).join(', ') ?? ''],
    ['SHA-256', leaf!.fingerprintSha256],
    ['Inventory', leaf!.certificateId ?? 'not there'],
    [
      'Chain as sent',
      chain.map((one) => `${one.facts?.subject ?? 'unreadable'} (${one.fingerprintSha256})`).join('\n'),
    ],
    ['Findings', findings.map(({ code, message }) => `${code}: ${message}`).join('\n')],
  ]);
}
