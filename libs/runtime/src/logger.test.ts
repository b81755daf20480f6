import { AppError, notFound } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import { backgroundContext, serve, withCallContext } from '@certferry/rpc';
import { hostServices, WAYS } from '@certferry/rpc/testing';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createCallObserver } from './call-observer.ts';
import { createLogger } from './logger.ts';

const definition = inventoryV1.ImportServiceDefinition;
const context = backgroundContext({ requestId: 'r-1', principal: { id: 'key-1' } });

/** A logger and what it wrote. */
function openLog(level: string) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { lines, logger: createLogger(level, { write }) };
}

describe.each(WAYS)('the log of a call %s', (way) => {
  test('served, refused or failed: its line has method, request id and caller; so has what the handler writes', async () => {
    const { lines, logger } = openLog('debug');
    const outcomes: Record<string, () => Promise<object>> = {
      served: () => (logger.info('in the handler'), Promise.resolve({})),
      refused: () => Promise.reject(new AppError(notFound('import', 'x'))),
      failed: () => Promise.reject(new Error('unforeseen')),
    };
    const service = serve(definition, {
      ...Object.fromEntries(Object.keys(definition.methods).map((name) => [name, () => Promise.resolve({})])),
      getImport: ({ id }: { id: string }) => outcomes[id]!(),
    });
    const host = await hostServices(way, [service], createCallObserver(logger, new Registry()));
    const client = host.client(definition);
    for (const id of Object.keys(outcomes))
      await withCallContext(context, () => client.getImport({ id })).catch(() => undefined);
    await host.close();
    const call = { method: 'certferry.inventory.v1.ImportService/GetImport', requestId: 'r-1', caller: 'key-1' };
    expect(lines).toMatchObject([
      { level: 'info', msg: 'in the handler', requestId: 'r-1', caller: 'key-1' },
      { ...call, level: 'debug', msg: 'call', code: 'OK' },
      { ...call, level: 'debug', msg: 'call', code: 'NOT_FOUND' },
      { ...call, level: 'error', msg: 'call failed', err: { message: 'unforeseen' } },
    ]);
  });
});

test('outside of any call a line has neither; what it says itself holds within one', () => {
  const { lines, logger } = openLog('info');
  logger.info('outside');
  withCallContext(context, () => logger.info({ requestId: 'r-2' }, 'inside'));
  expect(lines[0]).not.toHaveProperty('requestId');
  expect(lines[1]).toMatchObject({ requestId: 'r-2', caller: 'key-1' });
});
