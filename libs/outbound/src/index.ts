export { openOutbound, outboundSettings } from './outbound-settings.ts';
export { connectDirectly, type Connect, type Endpoint } from './connect.ts';
export { nameOf, readEndpoint, type ServedEndpoint } from './endpoint/read-endpoint.ts';
export { isStartTls, type StartTls } from './endpoint/start-tls.ts';
export { checkUrl, fetchFile, withoutQuery } from './fetch-file.ts';
export { Outbound, type OutboundOptions } from './outbound.ts';
