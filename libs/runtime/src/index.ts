export { inDataDir, loadConfig, runtimeConfig, type RuntimeConfig } from './config.ts';
export { ENVIRONMENT } from './environment.ts';
export { host, type Host } from './host.ts';
export { createLogger, type Logger } from './logger.ts';
export { defineService, type Platform, type Service, type ServiceModule } from './platform.ts';
