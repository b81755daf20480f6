import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { TLSSocket } from 'node:tls';
import { freePort, startProgram, type RunningProgram } from '@certferry/testing';

interface Identity {
  cert: string;
  key: string;
}

/** Something that listens on 127.0.0.1. */
export interface LoopbackServer {
  port: number;
  stop(): Promise<void>;
}

/** Serves files by their path, with any query. */
export async function serveFiles(identity: Identity, files: Record<string, string | Buffer>): Promise<LoopbackServer> {
  const server = createHttpsServer(identity, (request, response) => {
    const content = files[request.url!.replace(/\?.*/, '')];
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  return await listening(server);
}

/** Speaks SMTP as far as STARTTLS (RFC 3207), then TLS. */
export async function serveSmtp(identity: Identity): Promise<LoopbackServer> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).write('220 mail.example.test ESMTP\r\n');
    const onData = (line: Buffer) => {
      if (line.toString().startsWith('EHLO')) socket.write('250-mail.example.test\r\n250 STARTTLS\r\n');
      else {
        socket.off('data', onData).write('220 Go ahead\r\n');
        new TLSSocket(socket, { isServer: true, ...identity }).on('error', () => undefined);
      }
    };
    socket.on('data', onData);
  });
  return await listening(server);
}

async function listening(server: Server): Promise<LoopbackServer> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, stop };
}

/** OpenSSL's server: shows the certificates of one file, and of another to those that ask for its name. */
export async function startTlsServer(folder: string, args: string[]): Promise<LoopbackServer> {
  const port = await freePort();
  const program: RunningProgram = await startProgram(
    'openssl',
    ['s_server', '-accept', `127.0.0.1:${port}`, '-www', ...args],
    { cwd: folder, ready: /ACCEPT/ },
  );
  return { port, stop: () => program.stop() };
}
