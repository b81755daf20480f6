import { extname } from 'node:path';

/** What macOS and Windows put beside the files of a person. */
export const isSystemFile = (name: string): boolean =>
  /(^|\/)(__MACOSX\/|\.DS_Store$|\._|Thumbs\.db$|desktop\.ini$)/i.test(name);

const OURS = new Set(
  (
    '.pem .crt .cer .cert .der .ca-bundle .bundle .chain .p7b .p7c .p7s .p7m .spc .sst ' +
    '.key .priv .p8 .pk8 .pkcs8 .p12 .pfx .pkcs12 .jks .jceks .keystore .truststore .ks .ts .bks .uber .bcfks'
  ).split(' '),
);

/** Whether a file says by its name that it is a certificate, a key or a container of them. */
export const isNamedAsOurs = (name: string): boolean => OURS.has(extname(name).toLowerCase());

const INSTRUCTIONS = new Set(['.html', '.htm', '.md', '.pdf', '.rtf', '.doc', '.docx', '.odt', '.mht', '.eml']);

/** Whether a file is there to be read by people: an example in it is no certificate that is damaged. */
export const isInstructions = (name: string): boolean =>
  INSTRUCTIONS.has(extname(name).toLowerCase()) ||
  // The server of licenses has a key like any other.
  (!isNamedAsOurs(name) && /(^|\/)(read[ _-]?me|license)[^/]*$/i.test(name));

/** A file's name as it can be shown: on one line, and not longer than a line. */
export const toShown = (name: string): string => name.replace(/\p{C}/gu, '\uFFFD').slice(0, 255);
