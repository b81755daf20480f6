import { inventoryV1, parserV1 } from '@certferry/contracts';
import { Numbers } from '@certferry/database';
import { createOutboxRelay } from '@certferry/events';
import { serve } from '@certferry/rpc';
import { defineService } from '@certferry/runtime';
import { z } from 'zod';
import { Certificates } from './certificates.ts';
import { createHandlers } from './handlers.ts';
import { Imports } from './imports.ts';
import { MetadataFields } from './metadata-fields.ts';

/** What certificates there are, with their keys and what people say of them. */
export const inventory = defineService({
  name: 'inventory',
  needs: ['database', 'events', 'secrets'],
  config: z.strictObject({}),
  create: ({ database, events, secrets, client, clock, logger }) => {
    const certificates = new Certificates(database);
    const relay = createOutboxRelay({
      models: [certificates.model as never],
      bus: events,
      onError: (error) => logger.warn({ err: error }, 'events wait in the outbox'),
    });
    const handlers = createHandlers({
      certificates,
      imports: new Imports(database),
      numbers: new Numbers(database, 'certificates'),
      metadataFields: new MetadataFields(database),
      parser: client(parserV1.ParserServiceDefinition),
      secrets,
      clock,
      saved: relay.kick,
    });
    return Promise.resolve({
      services: [serve(inventoryV1.InventoryServiceDefinition, handlers)],
      begin: () => Promise.resolve(relay.start()),
      stop: () => relay.stop(),
    });
  },
});
