import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AppError, notFound } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import { createChannel, createClient, Status } from 'nice-grpc';
import { HealthDefinition } from 'nice-grpc-server-health';
import { ServerReflectionRequest } from 'nice-grpc-server-reflection/lib/proto/grpc/reflection/v1/reflection_pb.js';
import { ServerReflectionService } from 'nice-grpc-server-reflection';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRemote, readTlsFiles, serve, startRpcServer, type Client, type DeadlineOptions } from './index.ts';
import { hostServices, WAYS, type TestHost } from './testing/index.ts';

const definition = inventoryV1.ImportServiceDefinition;
const calls: { method: string; error: unknown }[] = [];
const observer = { callEnded: (call: { method: string; error: unknown }) => void calls.push(call) };
const secret = 'canary-password';
const unused = () => Promise.reject(new Error('no test calls this'));
const implementation: inventoryV1.ImportServiceImplementation = {
  startImport: unused,
  listImports: unused,
  listImportItems: unused,
  pauseImport: unused,
  resumeImport: unused,
  cancelImport: unused,
  importCertificates: (request) =>
    Promise.resolve({
      import: {
        id: 'i',
        status: request.dryRun ? 'inspected' : 'completed',
        items: [{ index: request.content.length }],
      },
    }),
  getImport: ({ id }) => {
    if (id === 'never') return new Promise(() => undefined);
    return Promise.reject(
      id === 'bug'
        ? new Error(secret)
        : new AppError({ ...notFound('import', id), message: 'There is none.', cause: new Error(secret) }),
    );
  },
};

describe.each(WAYS)('a call %s', (way) => {
  let host: TestHost;
  let client: Client<typeof definition, DeadlineOptions>;
  beforeAll(async () => {
    host = await hostServices(way, [serve(definition, implementation)], observer);
    client = host.client(definition);
  });
  afterAll(() => host.close());

  test('fills holes in requests and answers', async () => {
    const answer = await client.importCertificates({});
    expect(answer.import!.items[0]).toMatchObject({ index: 0, changes: [], reason: '' });
    expect(answer.import!.status).toBe('completed');
  });

  test('carries code, reason and details of an AppError, without its cause', async () => {
    const error = (await client.getImport({ id: 'x' }).catch((thrown: unknown) => thrown)) as AppError;
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      reason: 'IMPORT_NOT_FOUND',
      message: 'There is none.',
      details: { id: 'x' },
    });
    expect(JSON.stringify(error.cause ?? '')).not.toContain(secret);
  });

  test('answers INTERNAL for what nobody foresaw, and the observer hears the cause', async () => {
    const error = (await client.getImport({ id: 'bug' }).catch((thrown: unknown) => thrown)) as AppError;
    expect(error).toMatchObject({ code: 'INTERNAL', reason: 'INTERNAL' });
    expect(error.message).not.toContain(secret);
    expect(calls.at(-1)).toMatchObject({
      method: 'certferry.inventory.v1.ImportService/GetImport',
      error: new Error(secret),
    });
  });

  test('ends at its deadline', async () => {
    await expect(client.getImport({ id: 'never' }, { deadline: 50 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'DEADLINE_EXCEEDED',
    });
  });

  test('takes a message of 10 MiB', async () => {
    const answer = await client.importCertificates({ content: new Uint8Array(10 * 1024 * 1024) });
    expect(answer.import!.items[0]!.index).toBe(10 * 1024 * 1024);
  });
});

test('a server says its health, and drains: a running call ends, a new one is refused', async () => {
  let release = () => {};
  const held = serve(definition, {
    ...implementation,
    getImport: () => new Promise((resolve) => void (release = () => resolve({ import: { id: 'held' } }))),
  });
  const server = await startRpcServer({ host: '127.0.0.1', port: 0, services: [held], observer });
  const channel = createChannel(`127.0.0.1:${server.port}`);
  const health = createClient(HealthDefinition, channel);
  expect(await health.check({ service: definition.fullName })).toMatchObject({ status: 1 });
  expect(await health.check({ service: '' })).toMatchObject({ status: 1 });
  await expect(health.check({ service: 'certferry.unknown' })).rejects.toMatchObject({
    code: Status.NOT_FOUND,
    details: "Unknown service: 'certferry.unknown'",
  });
  const remote = connectRemote(`127.0.0.1:${server.port}`);
  const running = remote.client(definition).getImport({ id: 'x' });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const drained = server.drain();
  release();
  expect((await running).import!.id).toBe('held');
  channel.close();
  await drained;
  await expect(remote.client(definition).getImport({ id: 'x' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  remote.close();
});

test('reflection lists the services and health, and describes them', async () => {
  const services = [serve(definition, implementation)];
  const server = await startRpcServer({ host: '127.0.0.1', port: 0, services, observer });
  const channel = createChannel(`127.0.0.1:${server.port}`);
  const reflect = async (ask: (request: ServerReflectionRequest) => void) => {
    const request = new ServerReflectionRequest();
    ask(request);
    const requests = (async function* () {
      yield await Promise.resolve(request);
    })();
    for await (const answer of createClient(ServerReflectionService, channel).serverReflectionInfo(requests))
      return answer.toObject();
    throw new Error('no answer');
  };
  const list = await reflect((request) => request.setListServices('*'));
  expect(list.listServicesResponse!.serviceList.map(({ name }) => name)).toEqual([
    definition.fullName,
    'grpc.health.v1.Health',
  ]);
  for (const [symbol, file] of [
    [definition.fullName, 'certferry/inventory/v1/imports.proto'],
    ['grpc.health.v1.Health', 'grpc/health/v1/health.proto'],
  ] as const) {
    const described = await reflect((request) => request.setFileContainingSymbol(symbol));
    const [descriptor] = described.fileDescriptorResponse!.fileDescriptorProtoList;
    expect(Buffer.from(descriptor as string, 'base64').toString('latin1')).toContain(file);
  }
  channel.close();
  await server.drain();
});

test('where another listens, the start says so', async () => {
  const first = await startRpcServer({ host: '127.0.0.1', port: 0, services: [], observer });
  await expect(startRpcServer({ host: '127.0.0.1', port: first.port, services: [], observer })).rejects.toMatchObject({
    reason: 'CANNOT_LISTEN',
    message: expect.stringContaining(`127.0.0.1:${first.port}`) as string,
  });
  await first.drain();
});

test('listening beyond this machine needs mTLS', async () => {
  await expect(startRpcServer({ host: '0.0.0.0', port: 0, services: [], observer })).rejects.toMatchObject({
    reason: 'MTLS_REQUIRED',
  });
});

test('with mTLS a call needs a certificate of the internal CA', { timeout: 30_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'certferry-pki-'));
  execFileSync(process.execPath, [join(import.meta.dirname, 'make-internal-pki.ts'), folder, 'localhost']);
  const tls = readTlsFiles({
    ca: join(folder, 'ca.crt'),
    cert: join(folder, 'service.crt'),
    key: join(folder, 'service.key'),
  });
  const services = [serve(definition, implementation)];
  const server = await startRpcServer({ host: '0.0.0.0', port: 0, services, tls, observer });
  const trusted = connectRemote(`localhost:${server.port}`, tls);
  expect((await trusted.client(definition).importCertificates({})).import!.status).toBe('completed');
  const stranger = connectRemote(`localhost:${server.port}`);
  await expect(stranger.client(definition).importCertificates({}, { deadline: 3_000 })).rejects.toMatchObject({
    code: expect.stringMatching(/UNAVAILABLE|DEADLINE_EXCEEDED/) as string,
  });
  trusted.close();
  stranger.close();
  const check = (port: number) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, 'check-health.ts'), `localhost:${port}`, folder]);
  await check(server.port);
  await expect(check(1)).rejects.toThrow();
  await server.drain();
});
