import { deploymentV1 } from '@certferry/contracts';
import type { FastifyRequest } from 'fastify';
import type { GatewayContext } from '../../gateway-context.ts';
import { callOptions } from '../../guards.ts';
import { waitForJob } from '../wait-for-jobs.ts';
import { ArcgisError } from './answer.ts';
import { makeSelfSigned } from './self-signed.ts';

/** A store with this label is a machine of that name. Its file and its password are the store's own config. */
export const MACHINE_LABEL = 'arcgis.machine';
const WEB_ALIAS_LABEL = 'arcgis.webServerCertificateAlias';
const SETTING_LABELS = {
  sslProtocols: 'arcgis.sslProtocols',
  cipherSuites: 'arcgis.cipherSuites',
  HSTSEnabled: 'arcgis.HSTSEnabled',
} as const;

/** The alias of the certificate that a machine begins with. */
const FIRST_ALIAS = 'portal';
const DEFAULTS = {
  sslProtocols: 'TLSv1.2,TLSv1.3',
  cipherSuites: 'TLS_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256',
  HSTSEnabled: 'false',
};

export interface Machine {
  store: deploymentV1.Store;
  entries: deploymentV1.StoreEntry[];
}

export interface WebSettings {
  webServerCertificateAlias: string;
  sslProtocols: string;
  cipherSuites: string;
  HSTSEnabled: boolean;
}

export const isSameAlias = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

export const findEntry = ({ entries }: Machine, alias: string): deploymentV1.StoreEntry | undefined =>
  entries.find((entry) => isSameAlias(entry.alias, alias));

/** The machines: PKCS#12 stores with a label, changed only by deployment jobs that the caller waits for. */
export class Machines {
  readonly #context: GatewayContext;
  readonly #beginning = new Map<string, Promise<void>>();

  constructor(context: GatewayContext) {
    this.#context = context;
  }

  async list(request: FastifyRequest): Promise<deploymentV1.Store[]> {
    const filter = `Kind -eq "pkcs12" AND label.${MACHINE_LABEL} -ne NULL`;
    return (await this.#context.services.stores.listStores({ filter, limit: 500 }, callOptions(request))).items;
  }

  /** A machine by its name, or the first one; with a key entry, made if there is none yet. */
  async open(request: FastifyRequest): Promise<Machine> {
    const { machine: name } = request.params as { machine?: string };
    const stores = await this.list(request);
    const store =
      name === undefined ? stores[0] : stores.find((one) => isSameAlias(one.labels[MACHINE_LABEL] ?? '', name));
    if (!store)
      throw new ArcgisError(404, name === undefined ? 'There is no machine.' : `The machine ${name} does not exist.`, [
        `A machine is a pkcs12 store with the label ${MACHINE_LABEL}.`,
      ]);
    const machine = { store, entries: await this.#entries(request, store.id) };
    if (machine.entries.some((entry) => entry.hasPrivateKey)) return machine;
    await this.#begin(request, store);
    return { store, entries: await this.#entries(request, store.id) };
  }

  async #entries(request: FastifyRequest, id: string): Promise<deploymentV1.StoreEntry[]> {
    return (await this.#context.services.stores.listStoreEntries({ id }, callOptions(request))).items;
  }

  /** Once, also when several calls find the keystore empty. */
  async #begin(request: FastifyRequest, store: deploymentV1.Store): Promise<void> {
    const running =
      this.#beginning.get(store.id) ?? this.#makeFirst(request, store).finally(() => this.#beginning.delete(store.id));
    this.#beginning.set(store.id, running);
    await running;
  }

  async #makeFirst(request: FastifyRequest, store: deploymentV1.Store): Promise<void> {
    const content = await makeSelfSigned(store.labels[MACHINE_LABEL]!, this.#context.platform.clock.now());
    const imported = await this.#context.services.imports.importCertificates({ content }, callOptions(request));
    const item = imported.import!.items.find((one) => one.certificateId !== '')!;
    await this.put(request, store.id, { certificateId: item.certificateId, alias: FIRST_ALIAS, withKey: true });
  }

  /** Adds an entry and waits; ArcgisError 500 with the job's own words. */
  async put(
    request: FastifyRequest,
    storeId: string,
    entry: { certificateId: string; alias: string; withKey: boolean },
  ): Promise<void> {
    const { certificateId, alias, withKey } = entry;
    const targets = [{ storeId, alias, includePrivateKey: withKey }];
    await this.#run(request, { certificateId, action: deploymentV1.DeploymentAction.ADD, targets });
  }

  async remove(request: FastifyRequest, storeId: string, alias: string): Promise<void> {
    await this.#run(request, { action: deploymentV1.DeploymentAction.REMOVE, targets: [{ storeId, alias }] });
  }

  async #run(
    request: FastifyRequest,
    deployment: Parameters<GatewayContext['services']['deployments']['createDeployment']>[0],
  ): Promise<void> {
    const { jobs } = await this.#context.services.deployments.createDeployment(deployment, callOptions(request));
    const job = await waitForJob(this.#context, request, jobs[0]!.id);
    if (job.status !== deploymentV1.JobStatus.SUCCEEDED) {
      const why = job.error?.message ?? job.timeline.at(-1)?.message ?? 'The keystore could not be changed.';
      throw new ArcgisError(500, 'The operation failed.', [why]);
    }
  }

  settings({ store: { labels }, entries }: Machine): WebSettings {
    const own = entries.filter((entry) => entry.hasPrivateKey).map((entry) => entry.alias);
    const first = own.find((alias) => isSameAlias(alias, FIRST_ALIAS)) ?? own[0] ?? '';
    const text = (name: keyof typeof SETTING_LABELS) => labels[SETTING_LABELS[name]] ?? DEFAULTS[name];
    return {
      webServerCertificateAlias: labels[WEB_ALIAS_LABEL] ?? first,
      sslProtocols: text('sslProtocols'),
      cipherSuites: text('cipherSuites'),
      HSTSEnabled: text('HSTSEnabled') === 'true',
    };
  }

  async saveSettings(request: FastifyRequest, { store }: Machine, settings: Partial<WebSettings>): Promise<void> {
    const { webServerCertificateAlias, sslProtocols, cipherSuites, HSTSEnabled } = settings;
    const values = {
      ...store.labels,
      ...(webServerCertificateAlias !== undefined && { [WEB_ALIAS_LABEL]: webServerCertificateAlias }),
      ...(sslProtocols !== undefined && { [SETTING_LABELS.sslProtocols]: sslProtocols }),
      ...(cipherSuites !== undefined && { [SETTING_LABELS.cipherSuites]: cipherSuites }),
      ...(HSTSEnabled !== undefined && { [SETTING_LABELS.HSTSEnabled]: String(HSTSEnabled) }),
    };
    await this.#context.services.stores.updateStore({ id: store.id, labels: { values } }, callOptions(request));
  }
}
