import { describe, expect, test } from 'vitest';
import { chooseMongoDb, chooseNats, type Machine } from './server-source.ts';

const machine = (programs: string[], more: Partial<Machine> = {}): Machine => ({
  environment: {},
  findProgram: (name) => (programs.includes(name) ? `/bin/${name}` : undefined),
  hasDocker: () => Promise.resolve(false),
  ...more,
});
const hasDocker = () => Promise.resolve(true);
const all = ['mongod', 'documentdb-server', 'mongo-java-server', 'java', 'nats-server'];

describe('where the servers of tests come from', () => {
  test('a URL that is given goes before Docker, Docker before programs', async () => {
    const environment = {
      CERTFERRY_TEST_MONGODB_URL: 'mongodb://127.0.0.1:1',
      CERTFERRY_TEST_NATS_URL: 'nats://127.0.0.1:1',
    };
    const given = machine(all, { environment, hasDocker });
    expect([await chooseMongoDb(given), await chooseNats(given)]).toEqual(['url', 'url']);
    const docker = machine(all, { hasDocker });
    expect([await chooseMongoDb(docker), await chooseNats(docker)]).toEqual(['docker', 'docker']);
  });

  test.each([
    [all, 'mongod'],
    [['documentdb-server', 'mongo-java-server', 'java'], 'documentdb-server'],
    [['mongo-java-server', 'java'], 'mongo-java-server'],
    [['mongo-java-server'], undefined],
    [[], undefined],
  ])('of %j it takes %s', async (programs, source) => {
    expect(await chooseMongoDb(machine(programs))).toBe(source);
  });

  test('NATS is a program, or there is none', async () => {
    expect(await chooseNats(machine(['nats-server']))).toBe('nats-server');
    expect(await chooseNats(machine([]))).toBeUndefined();
  });

  test('Docker is not asked where a URL is given', async () => {
    const environment = { CERTFERRY_TEST_MONGODB_URL: 'mongodb://127.0.0.1:1' };
    const asked = machine(all, { environment, hasDocker: () => Promise.reject(new Error('asked')) });
    expect(await chooseMongoDb(asked)).toBe('url');
  });
});
