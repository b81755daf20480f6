import { join } from 'node:path';
import { freePort, startProgram, type RunningProgram } from '@certferry/testing';

/** Moto, a server that answers as AWS does, behind a proxy that can spoil what it answers. */
export class MotoServer {
  readonly #url: string;
  readonly #moto: RunningProgram;
  readonly #proxy: RunningProgram;
  /** What drivers are given. */
  readonly endpoint: string;

  private constructor(
    url: string,
    { moto, proxy, endpoint }: Record<'moto' | 'proxy', RunningProgram> & { endpoint: string },
  ) {
    this.#url = url;
    this.#moto = moto;
    this.#proxy = proxy;
    this.endpoint = endpoint;
  }

  static async start(): Promise<MotoServer> {
    const port = String(await freePort());
    const moto = await startProgram('moto_server', ['-H', '127.0.0.1', '-p', port], { ready: /Running on/ });
    let said = '';
    const proxy = await startProgram(process.execPath, [join(import.meta.dirname, 'moto-proxy.ts'), port], {
      ready: /listening on \d+\n/,
      onOutput: (text) => (said += text),
    });
    const endpoint = `http://127.0.0.1:${/listening on (\d+)/.exec(said)![1]}`;
    return new MotoServer(`http://127.0.0.1:${port}`, { moto, proxy, endpoint });
  }

  async reset(): Promise<void> {
    process.kill(this.#proxy.child.pid!, 'SIGHUP');
    await fetch(`${this.#url}/moto-api/reset`, { method: 'POST' });
  }

  /** Somebody else's call, past the proxy. */
  async call(action: string, body: object): Promise<Record<string, unknown>> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `CertificateManager.${action}`,
        authorization: 'AWS4-HMAC-SHA256 Credential=other/20260101/eu-central-1/acm/aws4_request, Signature=0',
      },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer;
  }

  spoil(): void {
    process.kill(this.#proxy.child.pid!, 'SIGUSR2');
  }

  /** Takes connections, and answers none until what is answered is called. */
  stall(): () => void {
    process.kill(this.#moto.child.pid!, 'SIGSTOP');
    return () => process.kill(this.#moto.child.pid!, 'SIGCONT');
  }

  async stop(): Promise<void> {
    for (const one of [this.#proxy, this.#moto]) await one.stop('SIGKILL');
  }
}
