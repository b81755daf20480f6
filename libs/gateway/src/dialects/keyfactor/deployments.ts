import { invalid } from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { GatewayContext } from '../../gateway-context.ts';
import { checkInput } from '../../problem.ts';
import { findByNumber, refuseCollection } from './certificates.ts';
import { typeOf } from './store.ts';
import { findStores } from './stores.ts';
import { readSchedule, scheduleBody } from './times.ts';

const scalars = z.record(z.string(), z.unknown()).nullish();

const addBody = z.object({
  certificateid: z.coerce.number(),
  certificatestores: z
    .array(
      z.object({
        certificatestoreid: z.string(),
        alias: z.string().nullish(),
        overwrite: z.boolean().nullish(),
        jobfields: scalars,
        // For stores whose entries have a password of their own; ours have none, so both are passed over.
        entrypassword: z.unknown().optional(),
        pfxpassword: z.string().nullish(),
        includeprivatekey: z.boolean().nullish(),
      }),
    )
    .min(1),
  schedule: scheduleBody,
  collectionid: z.coerce.number().nullish(),
});

const removeBody = z.object({
  certificatestores: z
    .array(z.object({ certificatestoreid: z.string(), alias: z.string().nullish(), jobfields: scalars }))
    .min(1),
  schedule: scheduleBody,
  collectionid: z.coerce.number().nullish(),
});

const THUMBPRINT = /^[0-9a-f]{40}$/i;

interface Entry {
  certificatestoreid: string;
  alias?: string | null;
}

/** The stores of the body's entries, in their order, and what each store's type makes of the alias. */
async function resolveAliases<E extends Entry>(
  context: GatewayContext,
  entries: E[],
): Promise<{ entry: E; place: { storeId: string; alias?: string; thumbprint?: string } }[]> {
  const stores = await findStores(
    context,
    entries.map((entry) => entry.certificatestoreid),
  );
  return entries.map((entry) => {
    const store = stores.get(entry.certificatestoreid.toLowerCase());
    if (!store) throw invalid('INVALID_FIELD', `There is no certificate store ${entry.certificatestoreid}.`);
    const type = typeOf(store);
    const alias = entry.alias?.trim() ?? '';
    const storeId = store.id;
    if (type?.alias === 'Required') {
      if (alias === '')
        throw invalid('INVALID_FIELD', `The store ${storeId} needs an Alias: its type is ${type.shortName}.`);
      return { entry, place: { storeId, alias } };
    }
    // Types without aliases show the thumbprint in its place; whatever else is sent there is passed over.
    return { entry, place: { storeId, ...(THUMBPRINT.test(alias) && { thumbprint: alias }) } };
  });
}

/** POST …/Certificates/Add and …/Remove: one job an entry, in their order; one refused entry refuses the whole call. */
export function addDeploymentRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { services } = context;
  const config = { scope: 'write' } as const;
  app.post('/CertificateStores/Certificates/Add', { config }, async (request) => {
    const body = checkInput(addBody, request.body ?? {});
    refuseCollection(body.collectionid);
    const certificate = await findByNumber(context, body.certificateid);
    if (!certificate) throw invalid('INVALID_FIELD', `There is no certificate ${body.certificateid}.`);
    const resolved = await resolveAliases(context, body.certificatestores);
    const targets = resolved.map(({ entry, place: { storeId, alias } }) => {
      const includePrivateKey = entry.includeprivatekey ?? false;
      return { storeId, alias, overwrite: entry.overwrite ?? false, includePrivateKey };
    });
    const action = deploymentV1.DeploymentAction.ADD;
    const asked = { certificateId: certificate.id, action, targets, ...readSchedule(body.schedule) };
    const { jobs } = await services.deployments.createDeployment(asked);
    return jobs.map((job) => job.id);
  });
  app.post('/CertificateStores/Certificates/Remove', { config }, async (request) => {
    const body = checkInput(removeBody, request.body ?? {});
    refuseCollection(body.collectionid);
    const targets = (await resolveAliases(context, body.certificatestores)).map(({ place }) => place);
    const action = deploymentV1.DeploymentAction.REMOVE;
    const asked = { action, targets, ...readSchedule(body.schedule) };
    const { jobs } = await services.deployments.createDeployment(asked);
    return jobs.map((job) => job.id);
  });
}
