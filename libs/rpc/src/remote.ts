import { createChannel, createClientFactory, type Channel, type Client, type CompatServiceDefinition } from 'nice-grpc';
import { ChannelCredentials } from '@grpc/grpc-js';
import type { ClientMiddleware } from 'nice-grpc-common';
import { errorDetailsClientMiddleware } from 'nice-grpc-error-details';
import { MAX_MESSAGE_BYTES, type DeadlineOptions } from './deadline.ts';
import { fromStatus } from './error-mapping.ts';
import { createClient, type Transport } from './outgoing-call.ts';
import type { TlsFiles } from './tls.ts';

const mapErrors: ClientMiddleware = async function* (call, options) {
  try {
    // One request or a stream of them: what came is passed on, and the union of both is not a type of `next`.
    return yield* call.next(call.request as never, options);
  } catch (error) {
    throw fromStatus(error);
  }
};

export interface RemoteService {
  client: <D extends CompatServiceDefinition>(definition: D) => Client<D, DeadlineOptions>;
  close(): void;
}

/** A channel to the services at `host:port`; mTLS when `tls` is given. Connects on the first call. */
export function connectRemote(address: string, tls?: TlsFiles): RemoteService {
  const credentials = tls
    ? ChannelCredentials.createSsl(tls.ca, tls.key, tls.cert)
    : ChannelCredentials.createInsecure();
  const channel: Channel = createChannel(address, credentials, {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_reconnect_backoff_ms': 2_000,
    'grpc.keepalive_time_ms': 30_000,
  });
  // nice-grpc runs what was added last first.
  const factory = createClientFactory().use(errorDetailsClientMiddleware).use(mapErrors);
  return {
    // nice-grpc's own client has a method by each name.
    client: (definition) => createClient(definition, factory.create(definition, channel) as unknown as Transport),
    close: () => channel.close(),
  };
}
