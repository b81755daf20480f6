import { AppError, raise } from '@certferry/core';
import { startRpcServer, type CallObserver, type ServedService, type TlsFiles } from '@certferry/rpc';
import type { RuntimeConfig } from './config.ts';
import type { Logger } from './logger.ts';
import type { Resources } from './resources.ts';
import { addressOf, addressVariable, REMOTE_SERVICES } from './service-addresses.ts';

/** What a hosted module answers. */
export interface HostedModule {
  name: string;
  services: ServedService[];
}

/**
 * Serves each hosted module to others at the port of its address; those with the same port together, those without an
 * address not at all. FAILED_PRECONDITION CANNOT_LISTEN names the variables whose port cannot be had.
 */
export async function serveRpc(
  hosted: HostedModule[],
  using: { config: RuntimeConfig; tls?: TlsFiles; observer: CallObserver; logger: Logger; opened: Resources },
): Promise<void> {
  const { config, tls, observer, logger, opened } = using;
  const answering = hosted.filter(({ name, services }) => services.length > 0 && addressOf(config, name));
  refuseForeignAddresses(answering, config);
  const ports = Map.groupBy(answering, ({ name }) => portOf(addressOf(config, name)!));
  for (const [port, modules] of ports) {
    const services = modules.flatMap((module) => module.services);
    const names = modules.map((module) => module.name);
    const server = await startRpcServer({ host: config.grpcHost, port, services, tls, observer }).catch(
      (cause: unknown) => raise(namingVariables(cause, names)),
    );
    opened.add(() => server.drain());
    logger.info({ port: server.port, services: names }, 'serving');
  }
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));

/** A service that is not here cannot be where this process listens. */
function refuseForeignAddresses(answering: HostedModule[], config: RuntimeConfig): void {
  for (const service of REMOTE_SERVICES) {
    const address = addressOf(config, service);
    const here = answering.find(({ name }) => addressOf(config, name) === address);
    if (!here || answering.some(({ name }) => name === service)) continue;
    const message = `${addressVariable(service)} and ${addressVariable(here.name)} are both ${address}, but this process does not host the ${service} service.`;
    throw new AppError({ code: 'FAILED_PRECONDITION', reason: 'ADDRESS_TAKEN', message });
  }
}

function namingVariables(cause: unknown, names: string[]): Error {
  if (!(cause instanceof AppError)) return cause as Error;
  const { code, reason } = cause;
  return new AppError({ code, reason, message: `${cause.message} (${names.map(addressVariable).join(', ')})`, cause });
}
