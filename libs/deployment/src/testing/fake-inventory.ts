import { AppError, newId, notFound, parseQuery, raise, type Comparison, type Query } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import { serve, type ServedService } from '@certferry/rpc';
import type { TestCertificate } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';

interface Held {
  certificate: inventoryV1.Certificate;
  der: Uint8Array;
  chain: Uint8Array[];
  privateKey: Uint8Array;
}

/** The inventory as far as this service calls it. */
export class FakeInventory {
  readonly #held = new Map<string, Held>();
  /** What the next calls for a certificate's material do first. */
  readonly faults: (() => Promise<void> | void)[] = [];

  /** Takes a certificate, with its key unless told otherwise; answers its id. */
  add({ der, keyDer }: TestCertificate, { withKey = true, chain = [] as TestCertificate[] } = {}): string {
    const id = newId();
    const certificate = inventoryV1.Certificate.fromPartial({
      ...{ id, enabled: true, hasPrivateKey: withKey },
      facts: readCertificate(der),
    });
    const privateKey = withKey ? keyDer : new Uint8Array();
    this.#held.set(id, { certificate, der, chain: chain.map((issuer) => issuer.der), privateKey });
    return id;
  }

  disable(id: string): void {
    this.#find(id).certificate.enabled = false;
  }

  #find = (id: string): Held => this.#held.get(id) ?? raise(notFound('certificate', id));

  #list(query: Query): inventoryV1.Certificate[] {
    const asked = query.kind === 'comparison' ? [query] : (query.parts as Comparison[]);
    const values = asked.map(({ field, value }) => `${field} ${value}`);
    return [...this.#held.values()]
      .filter(({ certificate: { facts } }) =>
        [`DN ${facts!.subject}`, `Fingerprint ${facts!.fingerprintSha256}`].some((one) => values.includes(one)),
      )
      .map(({ certificate, der }) => ({ ...certificate, der }));
  }

  /** For `hostServices`. */
  serve(): ServedService[] {
    return [
      serve(inventoryV1.CertificateServiceDefinition, {
        ...refuseAll(inventoryV1.CertificateServiceDefinition),
        getCertificate: ({ id }: inventoryV1.GetCertificateRequest) =>
          answer(() => ({ certificate: this.#find(id).certificate })),
        listCertificates: ({ filter }: inventoryV1.ListCertificatesRequest) =>
          answer(() => ({ items: this.#list(parseQuery(filter)), nextCursor: '' })),
      }),
      serve(inventoryV1.MaterialServiceDefinition, {
        ...refuseAll(inventoryV1.MaterialServiceDefinition),
        getCertificateMaterial: async ({ id, includePrivateKey }: inventoryV1.GetCertificateMaterialRequest) => {
          await this.faults.shift()?.();
          const { privateKey, ...material } = this.#find(id);
          return { ...material, privateKey: includePrivateKey ? privateKey : new Uint8Array() };
        },
      }),
    ];
  }
}

const answer = <T>(make: () => T): Promise<T> => new Promise((resolve) => resolve(make()));

/** Every method of a service, none of which this service is to call. */
export function refuseAll({ methods }: { methods: object }): Record<string, () => Promise<never>> {
  const refuse = () =>
    Promise.reject(new AppError({ code: 'UNIMPLEMENTED', reason: 'NOT_FAKED', message: 'The test has no answer.' }));
  return Object.fromEntries(Object.keys(methods).map((name) => [name, refuse]));
}
