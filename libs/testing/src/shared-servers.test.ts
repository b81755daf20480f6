import { describe, expect, test } from 'vitest';
import { databaseUrl, openSharedServers, useServer } from './shared-servers.ts';

describe('the servers of a run', () => {
  const server = (name: string, log: string[]) => () => {
    log.push(`start ${name}`);
    const stop = () => Promise.resolve(void log.push(`stop ${name}`));
    return Promise.resolve({ engine: name, url: `mongodb://${name}`, notRun: 'failover', stop });
  };

  test('start when the first test asks, once, and stop with the run', async () => {
    const log: string[] = [];
    const servers = await openSharedServers({ MongoDB: server('engine', log), NATS: server('broker', log) });
    expect(log).toEqual([]);
    const both = await Promise.all([useServer('MongoDB', servers.url), useServer('MongoDB', servers.url)]);
    expect(both).toEqual([0, 1].map(() => ({ engine: 'engine', url: 'mongodb://engine' })));
    expect(log).toEqual(['start engine']);
    expect(await servers.close()).toEqual(['MongoDB was engine (not run: failover)', 'no test asked for NATS']);
    expect(log).toEqual(['start engine', 'stop engine']);
  });

  test('that do not start are an error with its reason', async () => {
    const servers = await openSharedServers({
      MongoDB: () => Promise.reject(new Error('no space left')),
      NATS: () => Promise.resolve(undefined),
    });
    await expect(useServer('MongoDB', servers.url)).rejects.toThrow('no space left');
    await servers.close();
  });

  test.each([
    ['mongodb://a:1', 'mongodb://a:1/x'],
    ['mongodb://a:1/?directConnection=true', 'mongodb://a:1/x?directConnection=true'],
    ['mongodb://u:p@a:1,b:2?replicaSet=rs0', 'mongodb://u:p@a:1,b:2/x?replicaSet=rs0'],
  ])('a database on %s is %s', (url, expected) => {
    expect(databaseUrl({ url }, 'x')).toBe(expected);
  });
});
