import type { CompatServiceDefinition } from 'nice-grpc';
import type { CallContext } from 'nice-grpc-common';

export interface MethodDefinition {
  name: string;
  requestStream: boolean;
  responseStream: boolean;
  requestType: { fromPartial(value: object): object };
  responseType: { fromPartial(value: object): object };
}

/** Requests and answers that stream are async iterables. */
export type AnyImplementation = Record<
  string,
  (request: never, context: CallContext) => Promise<object> | AsyncIterable<object>
>;

/** A gRPC service and what answers it. */
export interface ServedService {
  definition: CompatServiceDefinition & { fullName: string };
  implementation: AnyImplementation;
}

/** Ties an implementation to its definition; the compiler checks that they fit. */
export function serve<I extends object>(
  definition: CompatServiceDefinition & { fullName: string },
  implementation: I,
): ServedService {
  return { definition, implementation: implementation as unknown as AnyImplementation };
}
