import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { deploymentV1, inventoryV1, parserV1 } from '@certferry/contracts';
import { connectRemote, serve, type CompatServiceDefinition } from '@certferry/rpc';
import { freePort, temporaryFolder } from '@certferry/testing';
import { HealthDefinition } from 'nice-grpc-server-health';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { host, type Host } from './host.ts';
import { defineService } from './platform.ts';

const definitions = {
  parser: parserV1.ParserServiceDefinition,
  inventory: inventoryV1.ImportServiceDefinition,
  deployment: deploymentV1.DeploymentServiceDefinition,
};
type Name = keyof typeof definitions;
const NAMES = Object.keys(definitions) as Name[];
const unforeseen = () => Promise.reject(new Error('unforeseen'));

/** A service of this name whose handlers all fail. */
const module = (name: Name) => {
  const definition = definitions[name] as CompatServiceDefinition & { fullName: string; methods: object };
  const handlers = Object.fromEntries(Object.keys(definition.methods).map((method) => [method, unforeseen]));
  return defineService({
    name,
    needs: [],
    config: z.strictObject({}),
    create: () => Promise.resolve({ services: [serve(definition, handlers)] }),
  });
};

let running: Host | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});
const start = async (addresses: Partial<Record<Name, string>>, names: Name[] = NAMES) => {
  const environment: NodeJS.ProcessEnv = { CERTFERRY_DATA_DIR: temporaryFolder('host'), CERTFERRY_LOG_LEVEL: 'silent' };
  for (const [name, address] of Object.entries(addresses))
    environment[`CERTFERRY_${name.toUpperCase()}_ADDRESS`] = address;
  running = await host(names.map(module), { environment });
  return running;
};
const free = async () => `127.0.0.1:${await freePort()}`;

/** Which of the services the server at `address` serves, by its health service. */
async function servedAt(address: string): Promise<Name[]> {
  const remote = connectRemote(address);
  const health = remote.client(HealthDefinition);
  const serves = async (name: Name) => {
    const answer = await health.check({ service: definitions[name].fullName }, { deadline: 5_000 }).then(
      ({ status }) => status,
      (error: { code: string }) => error.code,
    );
    expect([1, 'NOT_FOUND']).toContain(answer);
    return answer !== 'NOT_FOUND';
  };
  const served: Name[] = [];
  for (const name of NAMES) if (await serves(name)) served.push(name);
  remote.close();
  return served;
}

test('three addresses in one process: each service listens on its own', async () => {
  const addresses = { parser: await free(), inventory: await free(), deployment: await free() };
  await start(addresses);
  for (const name of NAMES) expect(await servedAt(addresses[name])).toEqual([name]);
});

test('two services on one address are served together, and one without an address to nobody else', async () => {
  const [shared, unused] = [await free(), await free()];
  await start({ parser: shared, inventory: shared });
  expect(await servedAt(shared)).toEqual(['parser', 'inventory']);
  const remote = connectRemote(unused);
  await expect(remote.client(HealthDefinition).check({ service: '' }, { deadline: 500 })).rejects.toMatchObject({
    code: expect.stringMatching(/UNAVAILABLE|DEADLINE_EXCEEDED/) as string,
  });
  remote.close();
});

test('a port that another has stops the start, which names its variable', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  await expect(start({ parser: await free(), inventory: `127.0.0.1:${port}` })).rejects.toMatchObject({
    reason: 'CANNOT_LISTEN',
    message: expect.stringMatching(`127.0.0.1:${port}.*CERTFERRY_INVENTORY_ADDRESS`) as string,
  });
  taken.close();
});

test('the address of a service that is elsewhere cannot be where this process listens', async () => {
  const address = await free();
  await expect(start({ parser: address, deployment: address }, ['parser'])).rejects.toMatchObject({
    reason: 'ADDRESS_TAKEN',
    message: `CERTFERRY_DEPLOYMENT_ADDRESS and CERTFERRY_PARSER_ADDRESS are both ${address}, but this process does not host the deployment service.`,
  });
});

test('health names a service that does not answer at its address', async () => {
  const { platform } = await start({ inventory: await free() }, []);
  const health = await platform.checkHealth();
  expect(Object.keys(health).sort()).toEqual(['database', 'events', 'inventory']);
  expect(health['database']).toBeUndefined();
  expect(health['inventory']).toMatch(/does not answer|too long/);
  expect(() => platform.client(definitions.parser).inspect({})).toThrow('CERTFERRY_PARSER_ADDRESS');
});
