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
  // From here on methods are found by name: the types of their messages are behind the definition.
  return { definition, implementation: implementation as unknown as AnyImplementation };
}

// nice-grpc's type allows definitions of other generators; the contracts have none.
type GeneratedDefinition = { fullName: string; methods: Record<string, MethodDefinition> };

/** `certferry.inventory.v1.CertificateService` */
export function fullNameOf(definition: CompatServiceDefinition): string {
  return (definition as unknown as GeneratedDefinition).fullName;
}

/** The methods of a definition, by their names in an implementation. */
export function methodsOf(definition: CompatServiceDefinition): [name: string, method: MethodDefinition][] {
  return Object.entries((definition as unknown as GeneratedDefinition).methods);
}
