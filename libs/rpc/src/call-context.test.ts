import { inventoryV1 } from '@certferry/contracts';
import { type AppError, precondition } from '@certferry/core';
import { createChannel, createClient, Metadata } from 'nice-grpc';
import { afterEach, describe, expect, test } from 'vitest';
import type { CallObserver } from './call-observer.ts';
import {
  backgroundContext,
  callContext,
  currentCallContext,
  serve,
  startRpcServer,
  withCallContext,
  type CallContext,
  type Client,
  type DeadlineOptions,
} from './index.ts';
import { hostServices, WAYS, type TestHost } from './testing/index.ts';

/** A service with a method of each kind; its message is one text, `id`. */
const message = inventoryV1.GetImportRequest;
const method = <Q extends boolean, A extends boolean>(name: string, requestStream: Q, responseStream: A) => ({
  name,
  requestType: message,
  requestStream,
  responseType: message,
  responseStream,
  options: {},
});
const define = (name: string) => ({
  name,
  fullName: `certferry.test.v1.${name}`,
  methods: {
    once: method('Once', false, false),
    answers: method('Answers', false, true),
    requests: method('Requests', true, false),
    both: method('Both', true, true),
  },
});
const [A, B, C] = [define('A'), define('B'), define('C')];
/** A deadline after the call has reached its handler, on a busy machine too. */
const REACHED_MS = 1_000;
type Message = inventoryV1.GetImportRequest;
interface Handlers {
  once?(request: Message, call: { signal: AbortSignal; metadata: Metadata }): Promise<Message>;
  answers?(request: Message, call: { signal: AbortSignal }): AsyncIterable<Message>;
  requests?(requests: AsyncIterable<Message>): Promise<Message>;
  both?(requests: AsyncIterable<Message>): AsyncIterable<Message>;
}
type ToyClient = Client<typeof A, DeadlineOptions>;

const unused = () => Promise.reject(new Error('unused'));
const toy = (definition: typeof A, handlers: Handlers) =>
  serve(definition, { once: unused, answers: unused, requests: unused, both: unused, ...handlers });
const never = () => new Promise<never>(() => undefined);
const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));
const alice = { id: 'key-1', name: 'Älice = 100 %' };
const asked = (more: Partial<CallContext> = {}): CallContext => ({
  ...backgroundContext({ requestId: 'r-1', principal: alice }),
  ...more,
});
const failure = (answer: Promise<unknown>) => answer.catch((error: unknown) => error);

describe.each(WAYS)('the context of a call %s', (way) => {
  let host: TestHost;
  const start = async (...[handlers, observer]: [Handlers, CallObserver?]): Promise<ToyClient> => {
    host = await hostServices(way, [toy(A, handlers)], observer);
    return host.client(A);
  };
  afterEach(() => host.close());

  test('request id and principal follow A -> B -> C, and no service does anything for it', async () => {
    const seen: CallContext[] = [];
    const note = () => void seen.push(callContext());
    const calls: { method: string; requestId: string; caller: string }[] = [];
    host = await hostServices(
      way,
      [
        toy(A, { once: async (request) => (note(), await host.client(B).once(request)) }),
        toy(B, { once: async (request) => (note(), await later(5), await host.client(C).once(request)) }),
        toy(C, { once: (request) => (note(), Promise.resolve(request)) }),
      ],
      { callEnded: (call) => void calls.push(call) },
    );
    expect(await withCallContext(asked(), () => host.client(A).once({ id: 'x' }))).toEqual({ id: 'x' });
    expect(seen).toMatchObject(Array(3).fill({ requestId: 'r-1', principal: alice }));
    expect(calls).toMatchObject(
      ['C', 'B', 'A'].map((name) => ({
        method: `certferry.test.v1.${name}/Once`,
        requestId: 'r-1',
        caller: 'key-1',
      })),
    );
  });

  test('two calls at the same time keep apart', async () => {
    const client = await start({
      once: async ({ id }) => (await later(id === 'slow' ? 30 : 1), { id: callContext().requestId }),
    });
    const ask = (id: string) => withCallContext(asked({ requestId: `of ${id}` }), () => client.once({ id }));
    expect(await Promise.all([ask('slow'), ask('fast')])).toEqual([{ id: 'of slow' }, { id: 'of fast' }]);
  });

  test('outside of any call each call is nobody’s, with a request id of its own', async () => {
    const client = await start({
      once: () => Promise.resolve({ id: `${callContext().principal.id}/${callContext().requestId}` }),
    });
    expect(currentCallContext()).toBeUndefined();
    const [first, second] = [await client.once({}), await client.once({})];
    expect(first.id).toMatch(/^\/[0-9a-f-]{36}$/);
    expect(second.id).not.toBe(first.id);
  });

  test('what a caller says by itself in metadata holds', async () => {
    const client = await start({
      once: () => Promise.resolve({ id: `${callContext().principal.id} ${callContext().requestId}` }),
    });
    const metadata = Metadata({ 'certferry-request-id': 'r-2', 'certferry-caller': 'key-2' });
    expect(await withCallContext(asked(), () => client.once({}, { metadata }))).toEqual({ id: 'key-2 r-2' });
  });

  test.each<[string, { deadline?: number | 'moment' }, { deadline?: number }, number]>([
    ['its own', { deadline: 2_000 }, {}, 2_000],
    ['its own, a moment', { deadline: 'moment' }, {}, 9_000],
    ['the default', {}, {}, 30_000],
    ['what is left of the context’s', { deadline: 60_000 }, { deadline: 7_000 }, 7_000],
    ['its own, the smaller', { deadline: 1_000 }, { deadline: 7_000 }, 1_000],
  ])('a call’s deadline is %s', async (_, { deadline }, context, expected) => {
    const client = await start({
      once: () => Promise.resolve({ id: String(callContext().deadline!.getTime() - Date.now()) }),
    });
    const inFuture = (milliseconds: number) => new Date(Date.now() + milliseconds);
    const options = { deadline: typeof deadline === 'string' ? inFuture(9_000) : deadline };
    const around = asked(context.deadline ? { deadline: inFuture(context.deadline) } : {});
    const { id } = await withCallContext(around, () => client.once({}, options));
    expect(Number(id)).toBeLessThanOrEqual(expected);
    expect(Number(id)).toBeGreaterThan(expected - 900);
  });

  test('a deadline ends the whole chain, whatever deadlines are asked for on the way', async () => {
    const ended: string[] = [];
    host = await hostServices(way, [
      toy(A, {
        once: () =>
          host
            .client(B)
            .once({}, { deadline: 60_000 })
            .finally(() => ended.push('A’s call')),
      }),
      toy(B, { once: () => (void aborted(callContext().signal).then(() => ended.push('B’s signal')), never()) }),
    ]);
    const start = performance.now();
    expect(await failure(host.client(A).once({}, { deadline: REACHED_MS }))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'DEADLINE_EXCEEDED',
    });
    expect(performance.now() - start).toBeLessThan(5_000);
    await expect.poll(() => ended.sort()).toEqual(['A’s call', 'B’s signal']);
  });

  test('a context whose deadline is over calls nobody', async () => {
    let called = 0;
    const client = await start({ once: () => (called++, Promise.resolve({ id: '' })) });
    const context = asked({ deadline: new Date(Date.now() - 1) });
    expect(await failure(withCallContext(context, () => client.once({})))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(called).toBe(0);
  });

  test.each(['of the context', 'of the call'])('the signal %s aborts the whole chain', async (whose) => {
    const ended: string[] = [];
    const end = (name: string) => void aborted(callContext().signal).then(() => ended.push(name));
    const reached = Promise.withResolvers<void>();
    const outcomes: unknown[] = [];
    host = await hostServices(
      way,
      [
        toy(A, { once: async () => (end('A'), await host.client(B).once({})) }),
        toy(B, { once: () => (end('B'), reached.resolve(), never()) }),
      ],
      { callEnded: ({ error }) => void outcomes.push((error as AppError).code) },
    );
    const stop = new AbortController();
    const answer =
      whose === 'of the call'
        ? host.client(A).once({}, { signal: stop.signal })
        : withCallContext(asked({ signal: stop.signal }), () => host.client(A).once({}));
    await reached.promise;
    stop.abort();
    expect(await failure(answer)).toMatchObject({ code: 'CANCELLED', reason: 'CANCELLED' });
    await expect.poll(() => ended.sort()).toEqual(['A', 'B']);
    // B's handler never ends; A's ended because its own call was cancelled.
    await expect.poll(() => outcomes).toEqual(['CANCELLED']);
  });

  test('a signal that is aborted already calls nobody', async () => {
    let called = 0;
    const client = await start({ once: () => (called++, Promise.resolve({ id: '' })) });
    expect(await failure(client.once({}, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'CANCELLED' });
    expect(called).toBe(0);
  });

  test('what a handler throws because it was aborted is CANCELLED, not a fault', async () => {
    const outcomes: unknown[] = [];
    const client = await start(
      {
        once: async (_, { signal }) => {
          await aborted(signal);
          signal.throwIfAborted();
          return { id: '' };
        },
      },
      { callEnded: ({ error }) => void outcomes.push((error as AppError).code) },
    );
    expect(await failure(client.once({}, { deadline: REACHED_MS }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect.poll(() => outcomes).toEqual(['CANCELLED']);
  });

  test('when a call has ended, neither its deadline nor its caller aborts what it left behind', async () => {
    const signals: AbortSignal[] = [];
    const client = await start({
      once: (_, { signal }) => (signals.push(signal, callContext().signal), Promise.resolve({ id: '' })),
    });
    const stop = new AbortController();
    await withCallContext(asked({ signal: stop.signal }), () => client.once({}, { deadline: REACHED_MS }));
    stop.abort();
    await later(REACHED_MS + 50);
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false]);
  });

  test('background work that a handler begins has a context of its own', async () => {
    const left = Promise.withResolvers<CallContext>();
    const client = await start({
      once: () => {
        const { requestId, principal } = callContext();
        void withCallContext(backgroundContext({ requestId, principal }), async () => {
          await later(20);
          left.resolve(callContext());
        });
        return Promise.resolve({ id: '' });
      },
    });
    await withCallContext(asked(), () => client.once({}));
    const context = await left.promise;
    expect(context).toMatchObject({ requestId: 'r-1', principal: alice });
    expect(context.deadline).toBeUndefined();
    expect(context.signal.aborted).toBe(false);
  });

  test('answers that stream: the handler has its context at every step, whoever asks for it', async () => {
    const seen: string[] = [];
    const client = await start({
      async *answers({ id }) {
        for (let one = 0; one < 3; one++) {
          seen.push(callContext().requestId);
          yield { id: `${id}${one}` };
        }
        seen.push(callContext().requestId);
      },
    });
    const answers = withCallContext(asked(), () => client.answers({ id: 'a' }))[Symbol.asyncIterator]();
    const got: unknown[] = [];
    for (;;) {
      const next = await withCallContext(asked({ requestId: 'of the listener' }), () => answers.next());
      if (next.done) break;
      got.push(next.value);
    }
    expect(got).toEqual([{ id: 'a0' }, { id: 'a1' }, { id: 'a2' }]);
    expect(seen).toEqual(Array(4).fill('r-1'));
  });

  test('requests that stream: each side runs in its own context', async () => {
    const seen: string[] = [];
    const client = await start({
      async requests(requests) {
        let all = '';
        for await (const { id } of requests) {
          seen.push(`handler ${callContext().requestId}`);
          all += id;
        }
        return { id: all };
      },
      async *both(requests) {
        for await (const { id } of requests) {
          seen.push(`handler ${callContext().requestId} ${callContext().deadline ? 'with' : 'without'} deadline`);
          yield { id };
        }
      },
    });
    const requests = async function* () {
      for (const id of ['x', 'y']) {
        const { requestId, deadline } = callContext();
        seen.push(`caller ${requestId} ${deadline ? 'with' : 'without'} deadline`);
        yield { id };
      }
    };
    expect(await withCallContext(asked(), () => client.requests(requests()))).toEqual({ id: 'xy' });
    expect([...new Set(seen)].sort()).toEqual(['caller r-1 without deadline', 'handler r-1']);
    expect(seen.length).toBe(4);
    seen.length = 0;
    const answers: Message[] = [];
    for await (const answer of withCallContext(asked(), () => client.both(requests()))) answers.push(answer);
    expect(answers).toEqual([{ id: 'x' }, { id: 'y' }]);
    expect([...new Set(seen)].sort()).toEqual(['caller r-1 without deadline', 'handler r-1 with deadline']);
    expect(seen.length).toBe(4);
  });

  test('a listener that goes ends the handler', async () => {
    const ended: string[] = [];
    const client = await start({
      async *answers(_, { signal }) {
        void aborted(signal).then(() => ended.push('signal'));
        try {
          for (let one = 0; ; one++) {
            yield { id: String(one) };
            await later(1);
          }
        } finally {
          ended.push('generator');
        }
      },
    });
    for await (const { id } of client.answers({})) if (id === '1') break;
    await expect.poll(() => ended.sort()).toEqual(['generator', 'signal']);
  });

  test('a stream’s deadline is for the whole of it', async () => {
    const client = await start({
      async *answers() {
        for (;;) {
          yield { id: '' };
          await later(20);
        }
      },
    });
    const listen = async () => {
      for await (const { id } of client.answers({}, { deadline: 200 })) expect(id).toBe('');
    };
    expect(await failure(listen())).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  test('an error amid a stream comes after the answers before it', async () => {
    const client = await start({
      async *answers() {
        yield { id: '1' };
        yield { id: '2' };
        throw precondition('TOO_LATE', 'It is too late.', { when: 'now' });
      },
    });
    const got: string[] = [];
    const listen = async () => {
      for await (const { id } of client.answers({})) got.push(id);
    };
    expect(await failure(listen())).toMatchObject({ reason: 'TOO_LATE', details: { when: 'now' } });
    expect(got).toEqual(['1', '2']);
  });

  test('what the caller’s own stream throws comes back to the caller as it is', async () => {
    const client = await start({
      async requests(requests) {
        for await (const { id } of requests) if (id === 'never') break;
        return { id: '' };
      },
    });
    async function* broken() {
      yield { id: '1' };
      await later(1);
      throw precondition('BROKEN_UPLOAD', 'The upload broke off.');
    }
    expect(await failure(client.requests(broken()))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'BROKEN_UPLOAD',
    });
  });
});

test('a call of a stranger, without any metadata, gets a request id', async () => {
  const seen: CallContext[] = [];
  const services = [toy(A, { once: (request) => (seen.push(callContext()), Promise.resolve(request)) })];
  const server = await startRpcServer({
    host: '127.0.0.1',
    port: 0,
    services,
    observer: { callEnded: () => undefined },
  });
  const channel = createChannel(`127.0.0.1:${server.port}`);
  await createClient(A, channel).once({ id: 'x' });
  await createClient(A, channel).once({ id: 'x' }, { metadata: Metadata({ 'certferry-caller': '50%' }) });
  expect(seen[0]).toMatchObject({ requestId: expect.stringMatching(/^[0-9a-f-]{36}$/), principal: { id: '' } });
  expect(seen[0]!.deadline).toBeUndefined();
  expect(seen[1]!.principal).toEqual({ id: '50%' });
  channel.close();
  await server.drain();
});
