import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { TestCertificate } from '@certferry/testing';

/** A TLS server on 127.0.0.1 that shows a chain, and another one from the moment that somebody says so. */
export interface ChangingServer {
  /** host:port */
  address: string;
  connections: number;
  /** Told of each connection before it is answered. */
  onConnection: () => void;
  show(chain: TestCertificate[]): void;
  stop(): void;
}

export async function serveTls(chain: TestCertificate[]): Promise<ChangingServer> {
  const contextOf = ([leaf, ...issuers]: TestCertificate[]) => ({
    key: leaf!.keyPem,
    cert: leaf!.pem + issuers.map(({ pem }) => pem).join(''),
  });
  const sockets = new Set<Socket>();
  const server = createServer(contextOf(chain));
  server.on('tlsClientError', () => undefined);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined));
    changing.connections++;
    changing.onConnection();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const changing: ChangingServer = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: 0,
    onConnection: () => undefined,
    show: (next) => server.setSecureContext(contextOf(next)),
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return changing;
}
