import type { CompatServiceDefinition } from 'nice-grpc';
import type { CallObserver } from '../call-observer.ts';
import { createInProcessClient } from '../in-process.ts';
import { connectRemote, type RemoteService } from '../remote.ts';
import { startRpcServer } from '../server.ts';
import { fullNameOf, type ServedService } from '../service.ts';

/** The two ways that a service is called; what a handler does is the same both ways: `describe.each(WAYS)`. */
export const WAYS = ['in process', 'over gRPC'] as const;
export type Way = (typeof WAYS)[number];

export interface TestHost {
  /** A client of one of the services, as the platform would give it. */
  client: RemoteService['client'];
  close(): Promise<void>;
}

/** Answers these services one way: directly, or by a gRPC server on a free port of this machine. For tests. */
export async function hostServices(
  way: Way,
  services: ServedService[],
  observer: CallObserver = { callEnded: () => undefined },
): Promise<TestHost> {
  if (way === 'in process') {
    const implementationOf = (definition: CompatServiceDefinition) => {
      const name = fullNameOf(definition);
      const served = services.find((service) => service.definition.fullName === name);
      if (!served) throw new Error(`${name} is not among the services of this test`);
      return served.implementation;
    };
    return {
      client: (definition) => createInProcessClient(definition, implementationOf(definition), observer),
      close: () => Promise.resolve(),
    };
  }
  const server = await startRpcServer({ host: '127.0.0.1', port: 0, services, observer });
  const remote = connectRemote(`127.0.0.1:${server.port}`);
  return {
    client: remote.client,
    close: async () => {
      remote.close();
      await server.drain();
    },
  };
}
