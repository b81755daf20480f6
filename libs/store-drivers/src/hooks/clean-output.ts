const KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
// What moves a terminal's cursor, or ends a line of a log.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** What a program said, fit to be kept and shown: without keys, without these secrets, without control characters. */
export function cleanOutput(text: string, secrets: string[]): string {
  const hidden = secrets
    .filter(Boolean)
    .toSorted((a, b) => b.length - a.length)
    .reduce((said, secret) => said.replaceAll(secret, '[hidden]'), text);
  return hidden.replaceAll(KEY, '[private key]').replaceAll(CONTROL, '').trim();
}
