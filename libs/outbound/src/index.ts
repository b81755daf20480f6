export { addressList } from './address-rules.ts';
export { connectDirectly, type Connect, type Endpoint } from './connect.ts';
export { checkUrl, fetchFile, withoutQuery } from './fetch-file.ts';
export { Outbound, type OutboundOptions } from './outbound.ts';
