import { connectDirectly } from '@certferry/outbound';
import { describe, expect, test } from 'vitest';
import { StoreRoots } from './files/store-roots.ts';
import type { StoreUnderTest } from './store-bench.ts';
import { describeStore, runRule, STORE_RULES } from './store-driver.conformance.ts';
import { useParser } from './toy/start-parser.ts';
import { toyDriver, type ToyFault } from './toy/toy-driver.ts';
import { ToyServer } from './toy/toy-server.ts';

const parser = useParser();

async function setUp(): Promise<StoreUnderTest> {
  const server = new ToyServer();
  const address = await server.start();
  const hold = (content: string) => async () => {
    server.entries = { ...server.entries, web: { certificates: [Buffer.from(content).toString('base64')] } };
    return await Promise.resolve();
  };
  return {
    config: { ...address, token: 'canary-token' },
    host: { roots: new StoreRoots([]), parser: parser(), connect: connectDirectly },
    foreignWrite: async () => {
      server.entries = { ...server.entries, foreign: { certificates: [] } };
      return await Promise.resolve();
    },
    spoil: hold('rubbish'),
    stall: async () => {
      const proceed = server.stall();
      return await Promise.resolve(async () => await Promise.resolve(proceed()));
    },
    tearDown: () => server.stop(),
  };
}

describeStore(toyDriver(), { setUp });

/** A rule that no fault breaks would prove nothing. */
const FAULTS: Record<keyof typeof STORE_RULES, ToyFault[]> = {
  'starts empty, adds with key and chain, and reads it back': ['leaves the chain out'],
  'the same again changes nothing and writes nothing': ['writes the same again'],
  'another certificate replaces only when that is allowed': ['replaces unasked'],
  'what a place holds is told, and whether its key would go': [
    'takes a key away in silence',
    'does not say what is there',
  ],
  'removes what it is asked to and nothing else; what is absent needs no change': ['removes another'],
  'other entries stay as they are': ['drops other entries'],
  'a store that changed after the plan is left alone': ['writes over others'],
  'what a place held is put back as it was, and nothing else': ['puts back no key', 'puts back other entries too'],
  'what cannot be read is not empty': ['reads rubbish as nothing'],
  'can be tried and cleaned up without a change': ['writes when it is tried'],
  'what is opened is closed': ['leaves its connection open'],
  'an aborted signal stops it': ['does not hear the signal'],
  'a deadline that passed stops it': ['does not hear the signal', 'says UNAVAILABLE for a deadline'],
  'connects by its context only': ['connects by itself'],
  'shows no secret': ['shows its token'],
  'refuses unknown and missing fields by name, without their values': ['takes any field'],
};

describe('a driver with a fault', () => {
  test('is there for every rule', () => {
    expect(Object.keys(FAULTS)).toEqual(Object.keys(STORE_RULES));
  });

  const cases = Object.entries(FAULTS).flatMap(([rule, faults]) => faults.map((fault) => ({ fault, rule })));
  test.each(cases)('that $fault breaks the rule "$rule"', { timeout: 30_000 }, async ({ fault, rule }) => {
    await expect(runRule(STORE_RULES[rule]!, toyDriver(fault), { setUp })).rejects.toMatchObject({
      name: 'AssertionError',
    });
  });
});
