import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, freePort, startProgram, temporaryFolder, type RunningProgram } from './programs.ts';
import { chooseMongoDb, chooseNats, type Machine, type MongoDbSource, type NatsSource } from './server-source.ts';

export interface TestServer {
  /** What answers: "MongoDB", "DocumentDB", "mongo-java-server", "nats-server", … */
  engine: string;
  /** Of a database: without the database's name. */
  url: string;
  /** Of a database: whether it has `explain`. */
  explains?: boolean;
  /** What it cannot run. */
  notRun?: string;
  stop(): Promise<void>;
}

const MONGODB_IMAGE = 'mongo:8';
const NATS_IMAGE = 'nats:2.12';
const natsConfig = (listen: string, folder: string) =>
  `listen: "${listen}"\njetstream { store_dir: "${folder}", sync_interval: always }\n`;

const thisMachine: Machine = {
  environment: process.env,
  findProgram,
  hasDocker: async () => {
    // Loaded only where a server is asked for: it is large.
    const { getContainerRuntimeClient } = await import('testcontainers');
    return await getContainerRuntimeClient().then(
      () => true,
      () => false,
    );
  },
};

const mongoDbFrom: Record<MongoDbSource, () => Promise<TestServer>> = {
  url: () => Promise.resolve(given('MongoDB', 'CERTFERRY_TEST_MONGODB_URL')),
  docker: async () => {
    const { MongoDBContainer } = await import('@testcontainers/mongodb');
    const container = await new MongoDBContainer(MONGODB_IMAGE).start();
    // The replica set's member has a name that only the container knows.
    const url = `${container.getConnectionString()}/?directConnection=true`;
    return { engine: 'MongoDB', url, explains: true, stop: async () => void (await container.stop()) };
  },
  mongod: async () => {
    const [port, folder] = [await freePort(), temporaryFolder('mongod')];
    const args = ['--port', `${port}`, '--bind_ip', '127.0.0.1', '--dbpath', folder];
    const program = await startProgram('mongod', args, { ready: /Waiting for connections/ });
    return ofProgram(program, { engine: 'MongoDB', port, folder, explains: true });
  },
  'documentdb-server': async () => {
    const [port, folder] = [await freePort(), temporaryFolder('documentdb')];
    const program = await startProgram('documentdb-server', [`${port}`, join(folder, 'data')], {
      ready: /listening mongodb/,
      // PostgreSQL does not run as root, and other users do not get into root's home.
      env: process.getuid?.() === 0 ? { DOCUMENTDB_ROOT: '/var/tmp/documentdb-root', ...process.env } : {},
      // Its first start fetches it.
      timeout: 180_000,
    });
    const notRun = 'write concern and failover of a replica set';
    return ofProgram(program, { engine: 'DocumentDB', port, folder, explains: true, notRun });
  },
  'mongo-java-server': async () => {
    const port = await freePort();
    const program = await startProgram('mongo-java-server', ['--with-parent', `${port}`], {
      ready: /listening mongodb/,
    });
    const notRun = 'explain, write concern and failover: it is a stand-in';
    return ofProgram(program, { engine: 'mongo-java-server', port, notRun });
  },
};

const natsFrom: Record<NatsSource, () => Promise<TestServer>> = {
  url: () => Promise.resolve(given('NATS', 'CERTFERRY_TEST_NATS_URL')),
  docker: async () => {
    const { GenericContainer, Wait } = await import('testcontainers');
    const container = await new GenericContainer(NATS_IMAGE)
      .withCopyContentToContainer([{ content: natsConfig('0.0.0.0:4222', '/data'), target: '/etc/nats.conf' }])
      .withCommand(['-c', '/etc/nats.conf'])
      .withExposedPorts(4222)
      .withWaitStrategy(Wait.forLogMessage(/Server is ready/))
      .start();
    const url = `nats://${container.getHost()}:${container.getMappedPort(4222)}`;
    return { engine: 'NATS', url, stop: async () => void (await container.stop()) };
  },
  'nats-server': () => startNatsServer(),
};

/** MongoDB as the machine has it; undefined where it has none. */
export async function startMongoDb(machine = thisMachine): Promise<TestServer | undefined> {
  const source = await chooseMongoDb(machine);
  return source && (await mongoDbFrom[source]());
}

/** NATS with JetStream as the machine has it; undefined where it has none. */
export async function startNats(machine = thisMachine): Promise<TestServer | undefined> {
  const source = await chooseNats(machine);
  return source && (await natsFrom[source]());
}

/** A nats-server with JetStream that fsyncs every message, in a folder of its own; restartable on the same port. */
export async function startNatsServer(
  options: { port?: number; folder?: string; /** Of its configuration. */ more?: string } = {},
): Promise<TestServer & RunningProgram> {
  const port = options.port ?? (await freePort());
  const folder = options.folder ?? temporaryFolder('nats');
  const config = join(folder, 'nats.conf');
  writeFileSync(config, natsConfig(`127.0.0.1:${port}`, folder) + (options.more ?? ''));
  const running = await startProgram('nats-server', ['-c', config], { ready: /Server is ready/ });
  return { ...running, engine: 'nats-server', url: `nats://127.0.0.1:${port}` };
}

const given = (engine: string, variable: string): TestServer => ({
  engine,
  url: process.env[variable]!,
  explains: true,
  stop: () => Promise.resolve(),
});

function ofProgram(
  program: RunningProgram,
  { port, folder, ...server }: Omit<TestServer, 'url' | 'stop'> & { port: number; folder?: string },
): TestServer {
  return {
    ...server,
    url: `mongodb://127.0.0.1:${port}`,
    stop: async () => {
      await program.stop();
      if (folder) rmSync(folder, { recursive: true, force: true });
    },
  };
}
