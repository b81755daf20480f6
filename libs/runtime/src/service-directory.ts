import { AppError } from '@certferry/core';
import {
  connectRemote,
  createInProcessClient,
  fullNameOf,
  type CallObserver,
  type RemoteService,
  type ServedService,
  type TlsFiles,
} from '@certferry/rpc';
import type { RuntimeConfig } from './config.ts';
import type { Platform } from './platform.ts';
import type { Resources } from './resources.ts';
import { addressOf, addressVariable, REMOTE_SERVICES } from './service-addresses.ts';

/** `inventory` of `certferry.inventory.v1.ImportService` */
const serviceOf = (fullName: string): string => fullName.split('.')[1] ?? '';

/** Who answers which service: somebody in this process, or an address. */
export class ServiceDirectory {
  readonly #config: RuntimeConfig;
  readonly #with: { tls?: TlsFiles; observer: CallObserver; opened: Resources };
  readonly #local = new Map<string, ServedService>();
  readonly #remotes = new Map<string, RemoteService>();
  readonly #clients = new Map<string, unknown>();

  constructor(config: RuntimeConfig, options: { tls?: TlsFiles; observer: CallObserver; opened: Resources }) {
    this.#config = config;
    this.#with = options;
  }

  add(services: ServedService[]): void {
    for (const service of services) this.#local.set(service.definition.fullName, service);
  }

  /** Resolved on the first call, when every service of this process has been made. */
  client: Platform['client'] = (definition) => {
    const fullName = fullNameOf(definition);
    const resolveClient = () => {
      const known = this.#clients.get(fullName);
      if (known) return known as Record<string | symbol, unknown>;
      const local = this.#local.get(fullName);
      const client = local
        ? createInProcessClient(definition, local.implementation, this.#with.observer)
        : this.#remote(serviceOf(fullName)).client(definition);
      this.#clients.set(fullName, client);
      // A client is its methods by name, which the definition's type only tells of a definition that is known.
      return client as unknown as Record<string | symbol, unknown>;
    };
    // A proxy has the type of what it stands for, which the compiler cannot see.
    return new Proxy({}, { get: (_, method) => resolveClient()[method] }) as never;
  };

  #remote(name: string): RemoteService {
    const address = addressOf(this.#config, name);
    if (!address) {
      const message = `This process does not host the ${name} service: set ${addressVariable(name)}.`;
      throw new AppError({ code: 'FAILED_PRECONDITION', reason: 'NO_ADDRESS', message });
    }
    let remote = this.#remotes.get(name);
    if (!remote) {
      remote = connectRemote(address, this.#with.tls);
      this.#remotes.set(name, remote);
      this.#with.opened.add(() => remote!.close());
    }
    return remote;
  }

  /** The remotes of all services that have an address and are not hosted here, by name. */
  remotes(): ReadonlyMap<string, RemoteService> {
    for (const service of REMOTE_SERVICES) {
      const hosted = [...this.#local.keys()].some((fullName) => serviceOf(fullName) === service);
      if (!hosted && addressOf(this.#config, service)) this.#remote(service);
    }
    return this.#remotes;
  }
}
