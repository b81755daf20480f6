import { parserV1 } from '@certferry/contracts';
// A test's dependency: the suites run with the parser that drivers meet, not with a likeness of it.
// eslint-disable-next-line @nx/enforce-module-boundaries
import { parser } from '@certferry/parser';
import { host } from '@certferry/runtime';
import { temporaryFolder } from '@certferry/testing';
import { afterAll, beforeAll } from 'vitest';
import type { StoreParser } from '../driver-context.ts';

/** The real parser for the tests of a file, from its first test to its last. */
export function useParser(): () => StoreParser {
  let client: StoreParser | undefined;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    const environment = { CERTFERRY_DATA_DIR: temporaryFolder('data'), CERTFERRY_LOG_LEVEL: 'silent' };
    const running = await host([parser], { environment });
    client = running.platform.client(parserV1.ParserServiceDefinition);
    stop = () => running.stop();
  });
  afterAll(() => stop());
  return () => client!;
}
