/**
 * Every environment variable and the settings it gives (section.key). The only place that reads process.env.
 * A CERTFERRY_ variable that is not here stops the start: a typing error must not be a default in silence.
 */
export const ENVIRONMENT: Record<string, string | string[]> = {
  CERTFERRY_DATA_DIR: 'runtime.dataDir',
  CERTFERRY_DATABASE_URL: 'runtime.databaseUrl',
  CERTFERRY_NATS_URL: 'runtime.natsUrl',
  CERTFERRY_KEK_FILE: 'runtime.kekFile',
  CERTFERRY_LOG_LEVEL: 'runtime.logLevel',
  CERTFERRY_GRPC_HOST: 'runtime.grpcHost',
  CERTFERRY_GRPC_TLS_CA: 'runtime.grpcTlsCa',
  CERTFERRY_GRPC_TLS_CERT: 'runtime.grpcTlsCert',
  CERTFERRY_GRPC_TLS_KEY: 'runtime.grpcTlsKey',
  CERTFERRY_PARSER_ADDRESS: 'runtime.parserAddress',
  CERTFERRY_INVENTORY_ADDRESS: 'runtime.inventoryAddress',
  CERTFERRY_DEPLOYMENT_ADDRESS: 'runtime.deploymentAddress',
  CERTFERRY_METRICS_ADDRESS: 'runtime.metricsAddress',
  CERTFERRY_HOST: 'gateway.host',
  CERTFERRY_HTTP_PORT: 'gateway.httpPort',
  CERTFERRY_HTTPS_PORT: 'gateway.httpsPort',
  CERTFERRY_TLS_CERT: 'gateway.tlsCert',
  CERTFERRY_TLS_KEY: 'gateway.tlsKey',
  CERTFERRY_TLS_NAMES: 'gateway.tlsNames',
  CERTFERRY_BOOTSTRAP_API_KEY: 'gateway.bootstrapApiKey',
  CERTFERRY_FILES_ROOT: 'gateway.filesRoot',
  CERTFERRY_OUTBOUND_ALLOW: ['inventory.outboundAllow', 'deployment.outboundAllow'],
  CERTFERRY_OUTBOUND_CA: ['inventory.outboundCa', 'deployment.outboundCa'],
  CERTFERRY_WATCH: 'inventory.watch',
  CERTFERRY_STORE_ROOTS: 'deployment.storeRoots',
  CERTFERRY_STORE_TIMEOUT: 'deployment.storeTimeoutSeconds',
};

/** Variables of the command line, of the choice of profile, and of tests. */
const OTHERS = /^CERTFERRY_(URL|API_KEY|CONFIG|PASSWORD|KEY_PASSWORD|STORE_PASSWORD|TEST_.*)$/;

export interface Settings {
  [section: string]: Record<string, unknown>;
}

/** The settings that the environment gives, by section, and the names that nobody knows. */
export function readEnvironment(environment: NodeJS.ProcessEnv): { settings: Settings; unknown: string[] } {
  const settings: Settings = {};
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('CERTFERRY_') || OTHERS.test(name)) continue;
    const paths = ENVIRONMENT[name];
    if (!paths) unknown.push(name);
    else if (value !== undefined && value !== '') {
      for (const path of [paths].flat()) {
        const [section, key] = path.split('.') as [string, string];
        (settings[section] ??= {})[key] = value;
      }
    }
  }
  return { settings, unknown };
}
