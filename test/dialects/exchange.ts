import { Agent, request } from 'node:http';
import type { RunningSystem } from '../running-system.ts';

export interface Answer {
  status: number;
  /** In the order and case that they came in. */
  rawHeaders: string[];
  header(name: string): string | undefined;
  bytes: Buffer;
  text: string;
  json: any;
}

/** One call with exactly these headers and bytes: what a client sends, not what a library makes of it. */
export function exchange(
  system: Pick<RunningSystem, 'url'>,
  call: { method: string; path: string; headers?: Record<string, string>; body?: string | Buffer },
): Promise<Answer> {
  const url = new URL(system.url);
  // A connection of its own: one that is kept may be closed by the server while a test waits for a program to end.
  const agent = new Agent({ keepAlive: true });
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: url.hostname,
        port: url.port,
        method: call.method,
        path: call.path,
        headers: {
          ...call.headers,
          ...(call.body !== undefined && { 'content-length': Buffer.byteLength(call.body) }),
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString('utf8');
          agent.destroy();
          resolve({
            status: incoming.statusCode!,
            rawHeaders: incoming.rawHeaders,
            header: (name) => {
              const value = incoming.headers[name.toLowerCase()];
              return Array.isArray(value) ? value.join(', ') : value;
            },
            bytes,
            text,
            get json() {
              return JSON.parse(text) as unknown;
            },
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(call.body);
  });
}

/** The text with what is different in every run (ids, times of now) replaced by names, so that the rest can be compared byte for byte. */
export function golden(text: string, names: Record<string, string | number> = {}): string {
  let named = text;
  for (const [name, value] of Object.entries(names)) named = named.replaceAll(String(value), `<${name}>`);
  return named.replace(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/g, '"<now>"');
}
