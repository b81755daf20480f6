import { readCertificate, writePem } from '@certferry/x509';
import type { StoreParser } from '../driver-context.ts';
import { unreadable, type FileLayout } from '../files/certificate-files.ts';
import { toEntryCertificate, type StoreEntry } from '../store-driver.ts';
import { bytesOf, holdsPemKey, isCertificate, joinPem, splitPem, type PemPart } from './pem-parts.ts';

/** Many certificates in one file, each named by its thumbprint; all others, and what is said of them, stay as they are. */
export function trustStoreLayout(role: string, parser: StoreParser): FileLayout {
  return {
    encode({ certificate }, old) {
      const content = old[role];
      const parts = content ? splitPem(content) : [];
      if (content && parts.some((one) => bytesOfCertificate(one)?.equals(certificate))) return { [role]: content };
      const gap = content && !content.toString('latin1').endsWith('\n') ? '\n' : '';
      const added = Buffer.from(gap + writePem('CERTIFICATE', certificate));
      return { [role]: Buffer.concat([content ?? Buffer.alloc(0), added]) };
    },

    remove({ alias }, old) {
      const content = old[role];
      if (!content) return { [role]: undefined };
      const parts = splitPem(content);
      const isGone = (one: PemPart | undefined): boolean =>
        one !== undefined && thumbprintOf(one) === alias.toUpperCase();
      if (!parts.some(isGone)) return { [role]: content };
      const left = parts.flatMap((one, i) => {
        if (isGone(one)) return [];
        return one.label === undefined && isGone(parts[i + 1]) ? [{ raw: withoutLastParagraph(one.raw) }] : [one];
      });
      const next = joinPem(left);
      return { [role]: next.toString('latin1').trim() === '' ? undefined : next };
    },

    holdsKey: holdsPemKey,

    async decode(contents) {
      const content = contents[role];
      if (!content) return [];
      const { certificates, failures } = await parser.inspect({ content });
      if (failures.length > 0 || certificates.length === 0)
        throw unreadable(contents, failures[0]?.message ?? 'no certificate');
      const entries = certificates.map((one): [string, StoreEntry] => {
        const entry = { alias: one.facts!.thumbprint, ...toEntryCertificate(one), hasPrivateKey: false, chain: [] };
        return [entry.alias, entry];
      });
      return [...new Map(entries).values()];
    },
  };
}

const bytesOfCertificate = (part: PemPart): Buffer | undefined => (isCertificate(part) ? bytesOf(part) : undefined);

function thumbprintOf(part: PemPart): string | undefined {
  const der = bytesOfCertificate(part);
  try {
    return der && readCertificate(der).thumbprint;
  } catch {
    return undefined;
  }
}

/** The lines right before a certificate, up to an empty one, are said of it. */
function withoutLastParagraph(raw: string): string {
  const lines = raw.split(/(?<=\n)/);
  while (lines.at(-1)?.trim()) lines.pop();
  return lines.join('');
}
