/**
 * A multipart/form-data body (RFC 7578), its content type with it. FormData would do but for texts: it makes every line
 * end of theirs CR LF, and a password must come as it is. Files come last: a server may read a form as it comes.
 */
export function toMultipartForm({ file, ...fields }: { file: Blob | Blob[] } & Record<string, unknown>): Blob {
  const boundary = `certferry-${crypto.randomUUID()}`;
  const head = (disposition: string) => `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n`;
  const parts: (string | Blob)[] = [];
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined)
      parts.push(`${head(`name="${name}"`)}\r\n`, typeof value === 'string' ? value : JSON.stringify(value), '\r\n');
  for (const one of [file].flat()) {
    const fileName = one instanceof File ? one.name : 'blob';
    const type = one.type || 'application/octet-stream';
    parts.push(`${head(`name="file"; filename="${quoted(fileName)}"`)}content-type: ${type}\r\n\r\n`, one, '\r\n');
  }
  return new Blob([...parts, `--${boundary}--\r\n`], { type: `multipart/form-data; boundary=${boundary}` });
}

/** RFC 7578 §2 leaves it to HTML's rule: what would end the name is percent-encoded. */
const quoted = (name: string) => name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
