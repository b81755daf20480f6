import { AppError, invalid } from '@certferry/core';
import { deploymentV1, inventoryV1 } from '@certferry/contracts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { GatewayContext } from '../../gateway-context.ts';
import { checkInput } from '../../problem.ts';
import { toDotNetTime } from '../display-name.ts';
import { readBase64 } from '../json-body.ts';
import { toKeyfactorStore, typeOf } from './store.ts';
import { findStores } from './stores.ts';
import { readTime } from './times.ts';

/** One value of Keyfactor's bit flags and never several: its Python clients refuse any other number. */
const IMPORT_STATUS = { unchanged: 0, created: 1, keyAdded: 2, metadataReplaced: 4 } as const;
/** The state of all store jobs together. */
const JOB_STATUS = { allScheduled: 1, someFailed: 2, allFailed: 3 } as const;
/** Why a store did not get the certificate. */
const REASON = { unknown: 0, storeNotFound: 1, alias: 3, privateKey: 5 } as const;

const importBody = z.object({
  certificate: z.string().min(1),
  password: z.string().nullish(),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).nullish(),
  storeids: z.array(z.string()).nullish(),
  storetypes: z
    .array(
      z.object({
        storetypeid: z.coerce.number(),
        alias: z.string().nullish(),
        overwrite: z.boolean().nullish(),
        // Entry parameters; the types here have none.
        properties: z.unknown().optional(),
      }),
    )
    .nullish(),
  schedule: z.string().nullish(),
});

/** The bytes of any form that is documented: base64 of DER, of PEM, of PKCS#12, with or without lines; PEM text. */
function readContent(text: string): Buffer {
  if (text.includes('-----BEGIN')) return Buffer.from(text);
  const content = readBase64(text);
  if (!content) throw invalid('INVALID_FIELD', 'Certificate: neither PEM text nor base64.', { field: 'Certificate' });
  return content;
}

interface InvalidKeystore {
  KeystoreId: string;
  ClientMachine: string;
  StorePath: string;
  Alias: string;
  Reason: number;
  Explanation: string;
}

type ImportBody = z.infer<typeof importBody>;

export function addImportRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { services } = context;
  app.post('/Certificates/Import', { config: { scope: 'write' } }, async (request) => {
    const body = checkInput(importBody, request.body ?? {});
    const runAt = body.schedule ? readTime(body.schedule) : undefined;
    const item = await importLeaf(context, body);
    const { certificate } = await services.certificates.getCertificate({ id: item.certificateId });
    const refused: InvalidKeystore[] = [];
    const stores = await findStores(context, body.storeids ?? []);
    for (const storeId of body.storeids ?? []) {
      const to = { storeId, store: stores.get(storeId.toLowerCase()), certificateId: item.certificateId, runAt };
      const problem = await deployTo(context, body, to);
      if (problem) refused.push(problem);
    }
    const asked = body.storeids?.length ?? 0;
    const state = refused.length === 0 ? 'allScheduled' : refused.length < asked ? 'someFailed' : 'allFailed';
    return {
      ImportStatus: statusOf(item),
      JobStatus: JOB_STATUS[state],
      InvalidKeystores: refused,
      Thumbprint: certificate!.facts!.thumbprint,
    };
  });
  app.post('/Certificates/Analyze', { config: { scope: 'read', readOnly: true } }, async (request) => {
    const body = checkInput(importBody.pick({ certificate: true, password: true }), request.body ?? {});
    const content = readContent(body.certificate);
    const asked = { content, password: body.password ?? undefined, dryRun: true };
    const { items } = (await services.imports.importCertificates(asked)).import!;
    return items.flatMap(({ facts, issuer }) =>
      facts
        ? [
            {
              IssuedDN: facts.subject,
              IssuerDN: facts.issuer,
              Thumbprint: facts.thumbprint,
              NotBefore: toDotNetTime(facts.notBefore!),
              NotAfter: toDotNetTime(facts.notAfter!),
              Metadata: {},
              IsEndEntity: !issuer && !facts.basicConstraints?.certificateAuthority,
            },
          ]
        : [],
    );
  });
}

/** Imports and answers the item of the leaf: the one with its key, else the first that issued no other. */
async function importLeaf({ services }: GatewayContext, body: ImportBody): Promise<inventoryV1.ImportItem> {
  const metadata = Object.entries(body.metadata ?? {}).filter(([, value]) => value !== null);
  const { import: imported } = await services.imports.importCertificates({
    content: readContent(body.certificate),
    password: body.password ?? undefined,
    ...(body.metadata && { metadata: { values: Object.fromEntries(metadata.map(([k, v]) => [k, String(v)])) } }),
    firstOfPem: true,
  });
  const { items } = imported!;
  const kept = items.filter((item) => item.result !== inventoryV1.ImportResult.FAILED);
  const leaves = kept.filter((item) => !item.issuer);
  const leaf = leaves.find((item) => item.hasPrivateKey) ?? leaves[0] ?? kept[0];
  if (!leaf) throw invalid(items[0]?.reason ?? 'EMPTY', items[0]?.message ?? 'There is no certificate in it.');
  return leaf;
}

function statusOf({ result, changes }: inventoryV1.ImportItem): number {
  if (result === inventoryV1.ImportResult.CREATED) return IMPORT_STATUS.created;
  if (changes.includes('key')) return IMPORT_STATUS.keyAdded;
  return changes.includes('metadata') ? IMPORT_STATUS.metadataReplaced : IMPORT_STATUS.unchanged;
}

/** Schedules the deployment to one store; what is wrong with it is answered, not thrown. */
async function deployTo(
  { services }: GatewayContext,
  body: ImportBody,
  to: { storeId: string; store?: deploymentV1.Store; certificateId: string; runAt?: Date },
): Promise<InvalidKeystore | undefined> {
  const { store } = to;
  const type = store && typeOf(store);
  const asked = body.storetypes?.find((one) => one.storetypeid === type?.id);
  const alias = asked?.alias?.trim() ?? '';
  const refuse = (Reason: number, Explanation: string): InvalidKeystore => {
    const { ClientMachine, Storepath } = store ? toKeyfactorStore(store) : { ClientMachine: '', Storepath: '' };
    return { KeystoreId: to.storeId, ClientMachine, StorePath: Storepath, Alias: alias, Reason, Explanation };
  };
  if (!store) return refuse(REASON.storeNotFound, `There is no certificate store ${to.storeId}.`);
  if (type?.alias === 'Required' && alias === '')
    return refuse(REASON.alias, `A store of type ${type.shortName} needs an alias: give it in StoreTypes.`);
  try {
    await services.deployments.createDeployment({
      certificateId: to.certificateId,
      action: deploymentV1.DeploymentAction.ADD,
      targets: [{ storeId: store.id, alias: alias || undefined, overwrite: asked?.overwrite ?? false }],
      runAt: to.runAt,
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
    return refuse(error.reason === 'NO_PRIVATE_KEY' ? REASON.privateKey : REASON.unknown, error.message);
  }
}
