import { ServerCredentials } from '@grpc/grpc-js';
import { AppError } from '@certferry/core';
import { createServer } from 'nice-grpc';
import type { ServerMiddleware } from 'nice-grpc-common';
import { errorDetailsServerMiddleware } from 'nice-grpc-error-details';
import { HealthDefinition, HealthServiceImpl, HealthState } from 'nice-grpc-server-health';
import { ServerReflection, ServerReflectionService } from 'nice-grpc-server-reflection';
import { passBorder, type IncomingCall } from './border.ts';
import type { CallObserver } from './call-observer.ts';
import { MAX_MESSAGE_BYTES } from './deadline.ts';
import { toStatus } from './error-mapping.ts';
import { readProtoset } from './protoset.ts';
import type { ServedService } from './service.ts';
import type { TlsFiles } from './tls.ts';

export interface RpcServer {
  port: number;
  /** Says NOT_SERVING, lets running calls end, then closes. */
  drain(): Promise<void>;
}

const PRIVATE = /^(127\.|\[?::1\]?$|localhost$)/;

/**
 * Serves over gRPC with health, reflection and graceful drain.
 * FAILED_PRECONDITION when it would listen beyond this machine without mTLS (keys travel between services), or cannot listen.
 */
export async function startRpcServer(options: {
  host: string;
  port: number;
  services: ServedService[];
  tls?: TlsFiles;
  observer: CallObserver;
}): Promise<RpcServer> {
  const { host, port, services, tls } = options;
  if (!tls && !PRIVATE.test(host)) {
    const message = `gRPC on ${host} needs mTLS: set CERTFERRY_GRPC_TLS_CA, CERTFERRY_GRPC_TLS_CERT and CERTFERRY_GRPC_TLS_KEY, or listen on 127.0.0.1.`;
    throw new AppError({ code: 'FAILED_PRECONDITION', reason: 'MTLS_REQUIRED', message });
  }
  const server = createServer({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES })
    .use(errorDetailsServerMiddleware)
    .use(createBorder(options.observer));
  // `serve` has checked that they fit; a list of services has lost which is whose.
  for (const { definition, implementation } of services) server.add(definition, implementation as never);
  const health = HealthState();
  server.add(HealthDefinition, HealthServiceImpl(health));
  const names = services.map((service) => service.definition.fullName);
  server.add(ServerReflectionService, ServerReflection(readProtoset(), [...names, HealthDefinition.fullName]));
  const credentials = tls
    ? ServerCredentials.createSsl(tls.ca, [{ private_key: tls.key, cert_chain: tls.cert }], true)
    : ServerCredentials.createInsecure();
  const bound = await server.listen(`${host}:${port}`, credentials).catch((cause: Error) => {
    const message = `Cannot listen for gRPC on ${host}:${port}: ${cause.message}`;
    throw new AppError({ code: 'FAILED_PRECONDITION', reason: 'CANNOT_LISTEN', message, cause });
  });
  for (const name of ['', ...names]) health.setStatus('healthy', name);
  return {
    port: bound,
    drain: async () => {
      for (const name of ['', ...names]) health.setStatus('unhealthy', name);
      await server.shutdown();
    },
  };
}

/** The border, and its AppErrors as statuses. */
function createBorder(observer: CallObserver): ServerMiddleware {
  return async function* border(call, transport) {
    try {
      return yield* passBorder(observer, call as IncomingCall<unknown, never>, transport);
    } catch (error) {
      throw error instanceof AppError ? toStatus(error) : error;
    }
  };
}
