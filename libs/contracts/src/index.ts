export * as commonV1 from './gen/index.certferry.common.v1.ts';
export * as deploymentV1 from './gen/index.certferry.deployment.v1.ts';
export * as eventsV1 from './gen/index.certferry.events.v1.ts';
export * as inventoryV1 from './gen/index.certferry.inventory.v1.ts';
export * as parserV1 from './gen/index.certferry.parser.v1.ts';
