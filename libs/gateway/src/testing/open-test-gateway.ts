import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { AppError, systemClock } from '@certferry/core';
import type { deploymentV1, inventoryV1 } from '@certferry/contracts';
import { openDatabase } from '@certferry/database';
import { createInProcessClient, type AnyImplementation, type CallObserver } from '@certferry/rpc';
import type { Scope } from '@certferry/rest';
import { createSecretKeeper } from '@certferry/secrets';
import { temporaryFolder } from '@certferry/testing';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { Registry } from 'prom-client';
import { createApp } from '../app.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { createGatewayContext, type GatewayContext } from '../gateway-context.ts';
import { SERVICE_DEFINITIONS } from '../services.ts';

/** What answers the gateway's calls; a method that is not given is UNIMPLEMENTED. */
export interface FakeServices {
  certificates?: Partial<inventoryV1.CertificateServiceImplementation>;
  imports?: Partial<inventoryV1.ImportServiceImplementation>;
  exports?: Partial<inventoryV1.ExportServiceImplementation>;
  locations?: Partial<inventoryV1.LocationServiceImplementation>;
  replacements?: Partial<inventoryV1.ReplacementServiceImplementation>;
  metadataFields?: Partial<inventoryV1.MetadataFieldServiceImplementation>;
  enrollmentProfiles?: Partial<inventoryV1.EnrollmentProfileServiceImplementation>;
  bulkImports?: Partial<inventoryV1.BulkImportServiceImplementation>;
  stores?: Partial<deploymentV1.StoreServiceImplementation>;
  deployments?: Partial<deploymentV1.DeploymentServiceImplementation>;
  versions?: Partial<deploymentV1.VersionServiceImplementation>;
  jobs?: Partial<deploymentV1.JobServiceImplementation>;
  probes?: Partial<deploymentV1.ProbeServiceImplementation>;
  renewals?: Partial<deploymentV1.RenewalServiceImplementation>;
}

/** The gateway's HTTP side on a database of its own, over fakes that are called as services in the same process are. */
export interface TestGateway {
  app: FastifyInstance;
  context: GatewayContext;
  /** Of every scope. */
  adminKey: string;
  /** Calls to services, as each ended: "StoreService/ListStores". */
  calls: { method: string; requestId: string; caller: string }[];
  /** Lines of the log. */
  log: { level: string; line: Record<string, unknown>; message: string }[];
  makeKey(...scopes: Scope[]): Promise<string>;
  /** A call with the administrator's key, unless other headers are given. */
  send(call: InjectOptions): Promise<LightMyRequestResponse>;
  close(): Promise<void>;
}

export async function openTestGateway(
  options: { services?: FakeServices; dialects?: readonly Dialect[] } = {},
): Promise<TestGateway> {
  const folder = temporaryFolder('gateway');
  const database = await openDatabase(`embedded:${folder}`);
  const calls: TestGateway['calls'] = [];
  const log: TestGateway['log'] = [];
  const note = (level: string) => (line: unknown, message?: string) =>
    void log.push({ level, line: line as Record<string, unknown>, message: message ?? '' });
  const observer: CallObserver = {
    callEnded: ({ method, requestId, caller }) =>
      void calls.push({ method: method.replace(/^.*\.(?=\w+\/)/, ''), requestId, caller }),
  };
  const context = createGatewayContext(
    {
      database,
      secrets: createSecretKeeper(randomBytes(32)),
      client: (definition) => createInProcessClient(definition, fakeOf(definition, options.services ?? {}), observer),
      checkHealth: () => Promise.resolve({}),
      clock: systemClock,
      logger: { info: note('info'), error: note('error') },
      metrics: new Registry(),
    },
    undefined,
  );
  const close = async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  };
  const app = await createApp(context, options.dialects).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  await database.ready();
  const makeKey = async (...scopes: Scope[]) => (await context.apiKeys.create({ name: scopes.join(), scopes })).text;
  const adminKey = await makeKey('read', 'write', 'keys', 'admin');
  return {
    app,
    context,
    adminKey,
    calls,
    log,
    makeKey,
    send: async (call) => await app.inject({ headers: { 'x-api-key': adminKey }, ...call }),
    close: async () => {
      await app.close();
      await close();
    },
  };
}

function fakeOf(definition: object, services: FakeServices): AnyImplementation {
  const [feature] = Object.entries(SERVICE_DEFINITIONS).find(([, one]) => one === definition)!;
  const given = (services[feature as keyof FakeServices] ?? {}) as AnyImplementation;
  const missing = (name: string) => () => {
    const message = `The fake of ${feature} has no ${name}.`;
    return Promise.reject(new AppError({ code: 'UNIMPLEMENTED', reason: 'NOT_FAKED', message }));
  };
  return new Proxy(given, { get: (target, name: string) => target[name] ?? missing(name) });
}
