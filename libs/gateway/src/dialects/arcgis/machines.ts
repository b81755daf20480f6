import { AppError } from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import type { Services } from '../../services.ts';
import { ArcgisError } from './answer.ts';

const { DeploymentAction, JobStatus } = deploymentV1;

/** A store with this label is a machine of that name. Its file and its password are the store's own config. */
export const MACHINE_LABEL = 'arcgis.machine';
const SETTING_LABELS = {
  webServerCertificateAlias: 'arcgis.webServerCertificateAlias',
  sslProtocols: 'arcgis.sslProtocols',
  cipherSuites: 'arcgis.cipherSuites',
  HSTSEnabled: 'arcgis.HSTSEnabled',
} as const;

/** What a portal calls the certificate that it was installed with: it serves this one until it is told otherwise. */
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
  /** Empty while the keystore has no key entry. */
  webServerCertificateAlias: string;
  sslProtocols: string;
  cipherSuites: string;
  HSTSEnabled: boolean;
}

export const isSameAlias = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

export const findEntry = ({ entries }: Machine, alias: string): deploymentV1.StoreEntry | undefined =>
  entries.find((entry) => isSameAlias(entry.alias, alias));

/** What the labels and the entries of a machine say of its web server. */
export function webSettings({ store: { labels }, entries }: Machine): WebSettings {
  const own = entries.filter((entry) => entry.hasPrivateKey).map((entry) => entry.alias);
  const first = own.find((alias) => isSameAlias(alias, FIRST_ALIAS)) ?? own[0] ?? '';
  const text = (name: keyof typeof DEFAULTS) => labels[SETTING_LABELS[name]] ?? DEFAULTS[name];
  return {
    webServerCertificateAlias: labels[SETTING_LABELS.webServerCertificateAlias] ?? first,
    sslProtocols: text('sslProtocols'),
    cipherSuites: text('cipherSuites'),
    HSTSEnabled: text('HSTSEnabled') === 'true',
  };
}

/** A job that a call waits for; together less than a client's minute. */
const WAITS_SECONDS = [25, 20];
const FINAL: readonly deploymentV1.JobStatus[] = [
  JobStatus.SUCCEEDED,
  JobStatus.FAILED,
  JobStatus.CANCELLED,
  JobStatus.DRIFTED,
];

/** The machines: PKCS#12 stores with a label, changed only by deployment jobs that the caller waits for. */
export class Machines {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  async list(): Promise<deploymentV1.Store[]> {
    const filter = `Kind -eq "pkcs12" AND label.${MACHINE_LABEL} -ne NULL`;
    return (await this.#services.stores.listStores({ filter, limit: 500 })).items;
  }

  /** A machine by its name, or the first one, with what its keystore holds now. ArcgisError 404. */
  async open(name: string | undefined): Promise<Machine> {
    const stores = await this.list();
    const store =
      name === undefined ? stores[0] : stores.find((one) => isSameAlias(one.labels[MACHINE_LABEL] ?? '', name));
    if (!store)
      throw new ArcgisError(404, name === undefined ? 'There is no machine.' : `The machine ${name} does not exist.`, [
        `A machine is a pkcs12 store with the label ${MACHINE_LABEL}.`,
      ]);
    const { items: entries } = await this.#services.stores.listStoreEntries({ id: store.id });
    return { store, entries };
  }

  /** Adds an entry and waits; ArcgisError 500 with the job's own words. */
  async put(
    { store }: Machine,
    entry: { certificateId: string; alias: string; includePrivateKey: boolean },
  ): Promise<void> {
    const { certificateId, alias, includePrivateKey } = entry;
    const targets = [{ storeId: store.id, alias, includePrivateKey }];
    await this.#deploy({ certificateId, action: DeploymentAction.ADD, targets });
  }

  /** Takes an entry out and waits; ArcgisError 500 with the job's own words. */
  async remove({ store }: Machine, alias: string): Promise<void> {
    await this.#deploy({ action: DeploymentAction.REMOVE, targets: [{ storeId: store.id, alias }] });
  }

  async #deploy(deployment: Parameters<Services['deployments']['createDeployment']>[0]): Promise<void> {
    const { jobs } = await this.#services.deployments.createDeployment(deployment);
    const job = await this.#ended(jobs[0]!.id);
    if (job.status === JobStatus.SUCCEEDED) return;
    const why = job.error?.message ?? job.timeline.at(-1)?.message ?? 'The keystore could not be changed.';
    throw new ArcgisError(500, 'The operation failed.', [why]);
  }

  /** DEADLINE_EXCEEDED JOB_RUNNING: the job goes on and is found by its id. */
  async #ended(id: string): Promise<deploymentV1.Job> {
    for (const seconds of WAITS_SECONDS) {
      const { job } = await this.#services.jobs.waitForJob({ id, seconds });
      if (FINAL.includes(job!.status)) return job!;
    }
    throw new AppError({
      code: 'DEADLINE_EXCEEDED',
      reason: 'JOB_RUNNING',
      message: `The deployment job ${id} has not ended yet; it goes on.`,
      details: { id },
    });
  }

  async saveSettings({ store }: Machine, settings: Partial<WebSettings>): Promise<void> {
    const names = Object.keys(SETTING_LABELS) as (keyof typeof SETTING_LABELS)[];
    const given = names.flatMap((name): [string, string][] =>
      settings[name] === undefined ? [] : [[SETTING_LABELS[name], String(settings[name])]],
    );
    const values = { ...store.labels, ...Object.fromEntries(given) };
    await this.#services.stores.updateStore({ id: store.id, labels: { values } });
  }
}
