import {
  ACMClient,
  DeleteCertificateCommand,
  GetCertificateCommand,
  ImportCertificateCommand,
  ListCertificatesCommand,
  ListTagsForCertificateCommand,
  type KeyAlgorithm,
} from '@aws-sdk/client-acm';
import { AppError } from '@certferry/core';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { writePem } from '@certferry/x509';
import type { DriverContext } from '../driver-context.ts';
import type { AddChange } from '../store-driver.ts';
import { untilAborted } from '../until-aborted.ts';
import { ContextAgent } from './context-agent.ts';

export interface AcmAccess {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  endpoint?: string;
}

/** What ACM holds of one imported certificate. */
export interface AcmCertificate {
  arn: string;
  /** Its tag "Name"; absent: it has none. */
  name?: string;
  /** PEM, the leaf and then what was given with it. */
  pem: string;
}

/** Without a filter ACM lists RSA keys of up to 2,048 bits alone. */
const KEY_TYPES: KeyAlgorithm[] = [
  'RSA_1024',
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'EC_prime256v1',
  'EC_secp384r1',
  'EC_secp521r1',
];
const PAGE = 1_000;
/** ACM answers few requests a second. */
const PARALLEL = 5;

/** The calls of AWS Certificate Manager that imported certificates need. Rejects with AppErrors alone. */
export class AcmRegion {
  readonly #client: ACMClient;
  readonly #agent: ContextAgent;
  readonly #signal: AbortSignal;

  constructor({ region, endpoint, ...credentials }: AcmAccess, context: DriverContext) {
    this.#signal = context.signal;
    this.#agent = new ContextAgent(context, endpoint?.startsWith('http:') ? undefined : {});
    const requestHandler = new NodeHttpHandler({ httpAgent: this.#agent, httpsAgent: this.#agent });
    this.#client = new ACMClient({ region, endpoint, credentials, requestHandler });
  }

  async list(): Promise<AcmCertificate[]> {
    const arns: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await this.#send((abort) =>
        this.#client.send(
          new ListCertificatesCommand({ Includes: { keyTypes: KEY_TYPES }, MaxItems: PAGE, NextToken }),
          abort,
        ),
      );
      for (const { CertificateArn, Type } of page.CertificateSummaryList ?? [])
        if (CertificateArn && (Type ?? 'IMPORTED') === 'IMPORTED') arns.push(CertificateArn);
      ({ NextToken } = page);
    } while (NextToken);
    const held: AcmCertificate[] = [];
    for (let at = 0; at < arns.length; at += PARALLEL)
      held.push(...(await Promise.all(arns.slice(at, at + PARALLEL).map((arn) => this.#get(arn)))));
    return held;
  }

  async #get(arn: string): Promise<AcmCertificate> {
    const of = { CertificateArn: arn };
    const [{ Certificate = '', CertificateChain = '' }, { Tags = [] }] = await Promise.all([
      this.#send((abort) => this.#client.send(new GetCertificateCommand(of), abort)),
      this.#send((abort) => this.#client.send(new ListTagsForCertificateCommand(of), abort)),
    ]);
    const name = Tags.find(({ Key }) => Key === 'Name')?.Value;
    return { arn, name, pem: `${Certificate}\n${CertificateChain}` };
  }

  /** Under a new ARN with the name, or in place of what an ARN holds. */
  async import(change: AddChange & { privateKey: Buffer }, arn: string | undefined): Promise<void> {
    const chain = change.chain.map((der) => writePem('CERTIFICATE', der)).join('');
    const command = new ImportCertificateCommand({
      ...(arn ? { CertificateArn: arn } : { Tags: [{ Key: 'Name', Value: change.alias }] }),
      Certificate: Buffer.from(writePem('CERTIFICATE', change.certificate)),
      PrivateKey: Buffer.from(writePem('PRIVATE KEY', change.privateKey)),
      ...(chain && { CertificateChain: Buffer.from(chain) }),
    });
    await this.#send((abort) => this.#client.send(command, abort));
  }

  async delete(arn: string): Promise<void> {
    const command = new DeleteCertificateCommand({ CertificateArn: arn });
    await this.#send((abort) => this.#client.send(command, abort));
  }

  close(): void {
    this.#client.destroy();
    this.#agent.destroy();
  }

  async #send<T>(call: (abort: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    try {
      return await untilAborted(this.#signal, call({ abortSignal: this.#signal }));
    } catch (error) {
      this.#signal.throwIfAborted();
      throw toAppError(error);
    }
  }
}

const REFUSED = new Set([
  'AccessDeniedException',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'ExpiredTokenException',
  'IncompleteSignature',
  'SignatureDoesNotMatch',
]);
const WRONG = new Set([
  'ValidationException',
  'InvalidParameterException',
  'InvalidArnException',
  'InvalidTagException',
  'TagPolicyException',
  'TooManyTagsException',
  'LimitExceededException',
  'ResourceInUseException',
]);

/** What AWS says without the request; throttling and what is unknown are tried again. */
function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { name, message } = error as Error;
  const details = { error: name };
  if (REFUSED.has(name))
    return new AppError({
      code: 'PERMISSION_DENIED',
      reason: 'TARGET_REFUSES',
      message: `AWS refuses these credentials: ${message} (${name}).`,
      details,
      cause: error,
    });
  if (WRONG.has(name))
    return new AppError({
      code: 'FAILED_PRECONDITION',
      reason: name === 'ResourceInUseException' ? 'IN_USE' : 'TARGET_REFUSES',
      message: `AWS Certificate Manager does not take it: ${message} (${name}).`,
      details,
      cause: error,
    });
  if (error instanceof Error && error.cause instanceof AppError) return error.cause;
  return new AppError({
    code: 'UNAVAILABLE',
    reason: 'TARGET_UNAVAILABLE',
    message: `AWS Certificate Manager did not do it: ${message} (${name}).`,
    details,
    cause: error,
  });
}
