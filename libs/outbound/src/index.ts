export { openOutbound, outboundSettings } from './outbound-settings.ts';
export { connectDirectly, type Connect, type Endpoint } from './connect.ts';
export { nameOf, probeEndpoint, readEndpoint, type Served, type ServedEndpoint } from './endpoint/read-endpoint.ts';
export { isStartTls } from './endpoint/start-tls.ts';
export { checkUrl, fetchFile, withoutQuery } from './fetch-file.ts';
export { Outbound, type OutboundOptions } from './outbound.ts';
