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
  add(
    { der, keyDer }: TestCertificate,
    { withKey = true, chain = [] as TestCertificate[], createdAt = new Date() } = {},
  ): string {
    const id = newId();
    const certificate = inventoryV1.Certificate.fromPartial({
      ...{ id, enabled: true, hasPrivateKey: withKey, createdAt },
      facts: readCertificate(der),
      name: readCertificate(der).commonName,
    });
    const privateKey = withKey ? keyDer : new Uint8Array();
    this.#held.set(id, { certificate, der, chain: chain.map((issuer) => issuer.der), privateKey });
    return id;
  }

  /** Says that one replaces another. */
  replace(older: string, newer: string): void {
    this.#find(newer).certificate.replacesCertificateId = older;
  }

  /** What replaces a certificate, directly or not. */
  #replacing(older: string): inventoryV1.Certificate[] {
    const all = [...this.#held.values()].map(({ certificate }) => certificate);
    const direct = all.filter(({ replacesCertificateId }) => replacesCertificateId === older);
    return direct.flatMap((one) => [one, ...this.#replacing(one.id)]);
  }

  #replaced(newer: string): inventoryV1.Certificate[] {
    const { replacesCertificateId: id } = this.#find(newer).certificate;
    return id === '' ? [] : [this.#find(id).certificate, ...this.#replaced(id)];
  }

  #successorOf = (held: inventoryV1.HeldCertificate): inventoryV1.Succession[] => {
    const known = [...this.#held.values()].find(
      ({ certificate }) => certificate.facts!.fingerprintSha256 === held.fingerprintSha256,
    );
    if (!known) return [];
    const usable = this.#replacing(known.certificate.id).filter(
      (one) => one.enabled && (one.hasPrivateKey || !held.hasPrivateKey),
    );
    return usable.length === 0 ? [] : [{ held, certificate: known.certificate, successor: usable.at(-1)! }];
  };

  #named(name: string, withKey: boolean): inventoryV1.Certificate {
    const named = [...this.#held.values()].filter(
      ({ certificate }) => certificate.name === name && (certificate.hasPrivateKey || !withKey),
    );
    return named.at(-1)?.certificate ?? raise(notFound('certificate', name));
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
      serve(inventoryV1.ReplacementServiceDefinition, {
        ...refuseAll(inventoryV1.ReplacementServiceDefinition),
        listReplaced: ({ certificateId }: inventoryV1.ListReplacedRequest) =>
          answer(() => ({ items: this.#replaced(certificateId) })),
        findSuccessors: ({ held }: inventoryV1.FindSuccessorsRequest) =>
          answer(() => ({ items: held.flatMap(this.#successorOf) })),
        resolveName: ({ name, privateKey }: inventoryV1.ResolveNameRequest) =>
          answer(() => ({ certificate: this.#named(name, privateKey !== inventoryV1.PrivateKeyWish.UNSPECIFIED) })),
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
