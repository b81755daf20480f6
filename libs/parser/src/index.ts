import { availableParallelism } from 'node:os';
import { parserV1 } from '@certferry/contracts';
import { serve } from '@certferry/rpc';
import { defineService } from '@certferry/runtime';
import { z } from 'zod';
import { createHandlers } from './handlers.ts';
import { Sandbox } from './sandbox/sandbox.ts';

/** Reads and writes containers of certificates and keys; keeps nothing. */
export const parser = defineService({
  name: 'parser',
  needs: [],
  config: z.strictObject({
    /** Child processes that open containers. */
    children: z.coerce.number().int().min(1).max(64).default(Math.min(2, availableParallelism())),
  }),
  create: (_, config) => {
    const sandbox = new Sandbox(config.children);
    return Promise.resolve({
      services: [serve(parserV1.ParserServiceDefinition, createHandlers(sandbox))],
      stop: () => Promise.resolve(sandbox.close()),
    });
  },
});
