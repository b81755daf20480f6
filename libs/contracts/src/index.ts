export * as commonV1 from './gen/certferry/common/v1/certificate.ts';
export * as deploymentV1 from './gen/certferry/deployment/v1/deployment.ts';
export * as eventsV1 from './gen/certferry/events/v1/events.ts';
export * as inventoryV1 from './gen/certferry/inventory/v1/inventory.ts';
export * as parserV1 from './gen/certferry/parser/v1/parser.ts';
