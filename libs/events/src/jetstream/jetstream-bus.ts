import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@certferry/core';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type ConsumerMessages } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Event } from '../event.ts';
import type { EventBus, Subscription } from '../event-bus.ts';

const STREAM = 'CERTFERRY';
const REDELIVERY_DELAY_MS = 1_000;

/**
 * Delivery over JetStream: one stream of `certferry.>`, a durable consumer for each subscription, message id = event id.
 * The stream may be wiped at any time: it is made again, and what was not acknowledged comes again from the outbox.
 */
export async function openJetStreamBus(url: string): Promise<EventBus> {
  let connection: NatsConnection;
  try {
    connection = await connect({
      ...splitCredentials(url),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 500,
      name: 'certferry',
    });
    await ensureStream(connection);
  } catch (cause) {
    throw unavailable(cause);
  }
  const js = jetstream(connection, { timeout: 5_000 });
  const running = new Set<Consumption>();
  return {
    async publish(event) {
      const send = () => js.publish(event.type, JSON.stringify(event), { msgID: event.id });
      try {
        await send().catch(async () => {
          await ensureStream(connection);
          await send();
        });
      } catch (cause) {
        throw unavailable(cause);
      }
    },
    async subscribe(subscription) {
      await ensureConsumer(connection, subscription.name);
      const consumption = new Consumption(connection, subscription);
      running.add(consumption);
      void consumption.run();
    },
    async ping() {
      try {
        await (await jetstreamManager(connection, { timeout: 2_000 })).getAccountInfo();
      } catch (cause) {
        throw unavailable(cause);
      }
    },
    async close() {
      await Promise.all([...running].map((one) => one.stop()));
      await connection.drain();
    },
  };
}

function unavailable(cause: unknown): AppError {
  const message = 'NATS JetStream does not answer; check CERTFERRY_NATS_URL and that the server runs with JetStream.';
  return new AppError({ code: 'UNAVAILABLE', reason: 'EVENTS_UNAVAILABLE', message, cause });
}

/** The client takes no credentials from a URL. */
function splitCredentials(url: string): { servers: string; user?: string; pass?: string } {
  const { host, username, password } = new URL(url);
  if (!username) return { servers: url };
  return { servers: host, user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}

async function ensureStream(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection, { timeout: 5_000 });
  const exists = await manager.streams.info(STREAM).then(
    () => true,
    () => false,
  );
  if (!exists) await manager.streams.add({ name: STREAM, subjects: ['certferry.>'], max_age: 7 * 86_400 * 1e9 });
}

async function ensureConsumer(connection: NatsConnection, name: string): Promise<void> {
  await ensureStream(connection);
  const manager = await jetstreamManager(connection, { timeout: 5_000 });
  await manager.consumers.add(STREAM, {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    max_ack_pending: 1,
  });
}

/** One durable consumer, read until it is stopped; made again when the broker has lost it. */
class Consumption {
  readonly #connection: NatsConnection;
  readonly #subscription: Subscription;
  #messages: ConsumerMessages | undefined;
  #stopped = false;

  constructor(connection: NatsConnection, subscription: Subscription) {
    this.#connection = connection;
    this.#subscription = subscription;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#consume();
      } catch {
        // The consumer, the stream or the server is gone: below it is made again.
      }
      if (this.#stopped) return;
      await delay(REDELIVERY_DELAY_MS);
      await ensureConsumer(this.#connection, this.#subscription.name).catch(() => undefined);
    }
  }

  async #consume(): Promise<void> {
    const consumer = await jetstream(this.#connection).consumers.get(STREAM, this.#subscription.name);
    this.#messages = await consumer.consume({ expires: 5_000, idle_heartbeat: 1_000 });
    void this.#watch(this.#messages);
    for await (const message of this.#messages) {
      try {
        await this.#subscription.handler(message.json<Event>());
        message.ack();
      } catch {
        message.nak(REDELIVERY_DELAY_MS);
      }
    }
  }

  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const status of messages.status()) {
      if (['consumer_deleted', 'stream_not_found', 'consumer_not_found', 'heartbeats_missed'].includes(status.type))
        await messages.close();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#messages?.close();
  }
}
