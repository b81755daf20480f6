import { join } from 'node:path';
import { parserV1 } from '@certferry/contracts';
import { DRIVERS } from '@certferry/store-drivers';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeDriver } from '../libs/store-drivers/src/store-driver.conformance.ts';
import { profiles, startSystem, type TestSystem } from './harness.ts';

/** A config for each kind; a driver without one fails here. */
const CONFIGS: Record<string, ((folder: string) => Record<string, unknown>)[]> = {
  pem: [
    (folder) => ({
      certificatePath: join(folder, 'tls.crt'),
      chainPath: join(folder, 'chain.crt'),
      keyPath: join(folder, 'keys', 'tls.key'),
    }),
    (folder) => ({ fullChainPath: join(folder, 'full.pem'), keyPath: join(folder, 'full.key') }),
    (folder) => ({ combinedPath: join(folder, 'combined.pem') }),
  ],
  der: [(folder) => ({ certificatePath: join(folder, 'tls.der'), keyPath: join(folder, 'tls.key.der') })],
  pkcs12: [(folder) => ({ path: join(folder, 'store.p12'), password: 'changeit' })],
};

describe('store drivers', () => {
  let system: TestSystem;
  beforeAll(async () => void (system = await startSystem(profiles[0]!)));
  afterAll(() => system.stop());
  for (const driver of DRIVERS) {
    const configs = CONFIGS[driver.kind];
    if (!configs) throw new Error(`No config to test the store kind ${driver.kind} with`);
    for (const config of configs)
      describeDriver(driver, {
        parser: () => system.client(parserV1.ParserServiceDefinition),
        config,
        withoutChain: driver.kind === 'der',
      });
  }
});
