import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDirectly } from '@certferry/outbound';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { der } from '../der/der-driver.ts';
import { FILE_STORE_RULES, setUpFileStore } from '../files/file-store.conformance.ts';
import { StoreRoots } from '../files/store-roots.ts';
import { pem } from '../pem/pem-driver.ts';
import { pkcs12 } from '../pkcs12/pkcs12-driver.ts';
import type { StoreUnderTest } from '../store-bench.ts';
import { describeStore } from '../store-driver.conformance.ts';
import type { StoreDriver } from '../store-driver.ts';
import { useParser } from '../toy/start-parser.ts';
import { toyDriver } from '../toy/toy-driver.ts';
import { ToyServer } from '../toy/toy-server.ts';
import { StallingAccess } from './testing/stall-children.ts';

// Every rule once more, with the driver in a child.

const parser = useParser();
/** More than a rule stops, for its deadlines are shorter than a start on a busy machine. */
const KEEP = 8;
let access: StallingAccess;
beforeAll(() => {
  access = new StallingAccess({ roots: [tmpdir()], parser: parser(), max: 32, keep: KEEP });
  access.warm();
});
afterAll(() => access.close());
const warmed = () => vi.waitFor(() => expect(access.counts.idle).toBeGreaterThanOrEqual(KEEP), { timeout: 15_000 });

describeStore(toyDriver(), {
  setUp: async (): Promise<StoreUnderTest> => {
    const server = new ToyServer();
    const address = await server.start();
    await warmed();
    return {
      config: { ...address, token: 'canary-token' },
      host: { roots: new StoreRoots([]), parser: parser(), connect: connectDirectly },
      access,
      foreignWrite: () => Promise.resolve(void (server.entries = { ...server.entries, foreign: { certificates: [] } })),
      spoil: () => {
        const certificates = [Buffer.from('rubbish').toString('base64')];
        return Promise.resolve(void (server.entries = { ...server.entries, web: { certificates } }));
      },
      stall: () => {
        const proceed = server.stall();
        return Promise.resolve(() => Promise.resolve(proceed()));
      },
      tearDown: () => server.stop(),
    };
  },
});

const files: [
  StoreDriver,
  (folder: string) => Record<string, unknown>,
  { withoutChain?: boolean; withoutRoot?: boolean },
][] = [
  [
    pem,
    (folder) => ({ fullChainPath: join(folder, 'full.pem'), keyPath: join(folder, 'keys', 'full.key') }),
    { withoutRoot: true },
  ],
  [
    der,
    (folder) => ({ certificatePath: join(folder, 'tls.der'), keyPath: join(folder, 'tls.key') }),
    { withoutChain: true },
  ],
  [pkcs12, (folder) => ({ path: join(folder, 'store.p12'), password: 'canary-store' }), {}],
];
for (const [driver, config, options] of files) {
  const setUp = async (): Promise<StoreUnderTest> => {
    await warmed();
    return { ...setUpFileStore(config, parser()), access, stall: access.stall };
  };
  describeStore(driver, { setUp, ...options }, FILE_STORE_RULES);
}
