import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@certferry/testing';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { loadConfig, runtimeConfig } from './config.ts';
import { readEnvironment } from './environment.ts';

const schemas = {
  runtime: runtimeConfig,
  gateway: z.strictObject({ httpPort: z.coerce.number().default(8080), host: z.string().default('127.0.0.1') }),
};
const profile = (content: unknown) => {
  const path = join(temporaryFolder(), 'profile.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

test('defaults, then the profile, then the environment', () => {
  const config = loadConfig(schemas, {
    environment: { CERTFERRY_HTTP_PORT: '9' },
    profile: profile({ gateway: { httpPort: 7, host: '::1' }, deployment: { any: 1 } }),
  });
  expect(config['gateway']).toEqual({ httpPort: 9, host: '::1' });
  expect(config['runtime']).toMatchObject({ databaseUrl: 'embedded:', logLevel: 'info' });
});

test('all problems are said at once', () => {
  const load = () =>
    loadConfig(schemas, {
      environment: { CERTFERRY_HTP_PORT: '1', CERTFERRY_HTTP_PORT: 'x', CERTFERRY_LOG_LEVEL: 'loud' },
      profile: profile({ gateway: { colour: 1 }, unknown: {} }),
    });
  for (const problem of [
    'CERTFERRY_HTP_PORT: there is no such variable',
    'unknown: there is no such section',
    'gateway.httpPort',
    'gateway: Unrecognized key: "colour"',
    'runtime.logLevel',
  ]) {
    expect(load).toThrow(problem);
  }
  expect(() => loadConfig(schemas, { environment: { CERTFERRY_CONFIG: '/nowhere.json' } })).toThrow(
    'there is no file /nowhere.json',
  );
  expect(() => loadConfig(schemas, { environment: {}, profile: profile('{') })).toThrow('is not JSON');
});

test('the command line’s own variables do not stop the start', () => {
  const sources = globSync(join(import.meta.dirname, '../../../apps/cli/src/**/*.ts')).map((path) =>
    readFileSync(path, 'utf8'),
  );
  const names = new Set(sources.join('\n').match(/CERTFERRY_[A-Z_]+/g));
  expect([...names]).toEqual(expect.arrayContaining(['CERTFERRY_KEY_PASSWORD', 'CERTFERRY_STORE_PASSWORD']));
  for (const name of names) expect(readEnvironment({ [name]: 'x' })).toMatchObject({ unknown: [] });
});
