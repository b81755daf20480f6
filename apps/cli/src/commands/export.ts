import { writeFileSync } from 'node:fs';
import { exportFormat, type Client, type KeyFormat } from '@certferry/rest';
import type { Command } from 'commander';
import { passwordOptions } from '../import/options.ts';
import { oneOf } from '../option-values.ts';
import { readPassword, type PasswordOptions } from '../password.ts';
import { findCertificate } from './find-certificate.ts';

const FORMATS = exportFormat.options;
/** Formats with the key, and what the server calls them. */
const KEY_FORMATS: Record<string, KeyFormat> = {
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

export function addExportCommand(certs: Command, api: Client): void {
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

async function download(api: Client, id: string, options: ExportOptions): Promise<Uint8Array> {
  const params = { id };
  const format = KEY_FORMATS[options.format];
  if (!format) {
    const query = { format: oneOf(FORMATS, options.format, '--format') };
    return (await api.downloadCertificate({ params, query })).bytes;
  }
  const protection = options.unencrypted
    ? { unencrypted: true }
    : {
        password: await readPassword(options, {
          prompt: 'Password for the file',
          variable: 'CERTFERRY_PASSWORD',
          required: true,
        }),
      };
  return (await api.downloadPrivateKey({ params, body: { format, ...protection } })).bytes;
}
