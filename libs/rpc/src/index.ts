export {
  backgroundContext,
  callContext,
  currentCallContext,
  withCallContext,
  type CallContext,
  type Principal,
} from './call-context.ts';
export { toMetadata } from './call-metadata.ts';
export type { CallObserver } from './call-observer.ts';
export type { DeadlineOptions } from './deadline.ts';
export { internal } from './error-mapping.ts';
export { createInProcessClient } from './in-process.ts';
export { connectRemote, type RemoteService } from './remote.ts';
export { startRpcServer, type RpcServer } from './server.ts';
export { fullNameOf, serve, type AnyImplementation, type ServedService } from './service.ts';
export { readTlsFiles, type TlsFiles } from './tls.ts';
export type { Client, CompatServiceDefinition } from 'nice-grpc';
export { Metadata } from 'nice-grpc-common';
