import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, freePort, runProgram, startProgram, temporaryFolder, type RunningProgram } from './programs.ts';

export interface TestServer {
  /** What answers: "MongoDB", "mongo-java-server", "nats-server 2.15.1", … */
  engine: string;
  url: string;
  stop(): Promise<void>;
}

/** MongoDB from CERTFERRY_TEST_MONGODB_URL, Docker, or `mongod` on PATH; else the stand-in `mongo-java-server`; else nothing. */
export async function startMongoDb(): Promise<TestServer | undefined> {
  const given = process.env['CERTFERRY_TEST_MONGODB_URL'];
  if (given) return { engine: 'MongoDB', url: given, stop: () => Promise.resolve() };
  if (await hasDocker()) return await startMongoContainer();
  const port = await freePort();
  const url = `mongodb://127.0.0.1:${port}`;
  const mongod = findProgram('mongod');
  if (mongod) {
    const args = ['--port', `${port}`, '--bind_ip', '127.0.0.1', '--dbpath', temporaryFolder('mongod')];
    const program = await startProgram(mongod, args, { ready: /Waiting for connections/ });
    return { engine: 'MongoDB', url, stop: () => program.stop() };
  }
  const standIn = findProgram('mongo-java-server');
  if (!standIn || !findProgram('java')) return undefined;
  const program = await startProgram(standIn, ['--with-parent', `${port}`], { ready: /listening mongodb/ });
  return { engine: 'mongo-java-server', url, stop: () => program.stop() };
}

async function hasDocker(): Promise<boolean> {
  return await runProgram('docker', ['info', '--format', '{{.ServerVersion}}']).then(
    () => true,
    () => false,
  );
}

async function startMongoContainer(): Promise<TestServer> {
  const id = (await runProgram('docker', ['run', '-d', '--rm', '-p', '127.0.0.1::27017', 'mongo:8'])).trim();
  const address = (await runProgram('docker', ['port', id, '27017/tcp'])).split('\n')[0]!.trim();
  return {
    engine: 'MongoDB',
    url: `mongodb://${address}`,
    stop: async () => void (await runProgram('docker', ['stop', '-t', '1', id])),
  };
}

/** A nats-server with JetStream that fsyncs every message, in a folder of its own; restartable on the same port. */
export async function startNatsServer(
  options: { port?: number; folder?: string } = {},
): Promise<TestServer & RunningProgram> {
  const program = findProgram('nats-server');
  if (!program) throw new Error('nats-server is not on PATH');
  const port = options.port ?? (await freePort());
  const folder = options.folder ?? temporaryFolder('nats');
  const config = join(folder, 'nats.conf');
  writeFileSync(config, `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${folder}", sync_interval: always }\n`);
  const running = await startProgram(program, ['-c', config], { ready: /Server is ready/ });
  return { ...running, engine: 'nats-server', url: `nats://127.0.0.1:${port}` };
}

/** NATS from CERTFERRY_TEST_NATS_URL or `nats-server` on PATH; else nothing. */
export async function startNats(): Promise<TestServer | undefined> {
  const given = process.env['CERTFERRY_TEST_NATS_URL'];
  if (given) return { engine: 'NATS', url: given, stop: () => Promise.resolve() };
  return findProgram('nats-server') ? await startNatsServer() : undefined;
}
