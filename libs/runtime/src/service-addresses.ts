import type { RuntimeConfig } from './config.ts';

/** The services that may be in another process, by their section in the config and their part of a proto's package. */
export const REMOTE_SERVICES = ['parser', 'inventory', 'deployment'] as const;

export const addressVariable = (service: string): string => `CERTFERRY_${service.toUpperCase()}_ADDRESS`;

/** `host:port` where a service is, or is served to others. */
export function addressOf(config: RuntimeConfig, service: string): string | undefined {
  return { parser: config.parserAddress, inventory: config.inventoryAddress, deployment: config.deploymentAddress }[
    service
  ];
}
