/** What is asked of a machine to know where it has a server from. */
export interface Machine {
  environment: NodeJS.ProcessEnv;
  /** The path of a program, or undefined. */
  findProgram(name: string): string | undefined;
  hasDocker(): Promise<boolean>;
}

export type MongoDbSource = 'url' | 'docker' | 'mongod' | 'documentdb-server' | 'mongo-java-server';
export type NatsSource = 'url' | 'docker' | 'nats-server';

/** CERTFERRY_TEST_MONGODB_URL, Docker, then programs on PATH: MongoDB before DocumentDB before the stand-in. */
export async function chooseMongoDb(machine: Machine): Promise<MongoDbSource | undefined> {
  if (machine.environment['CERTFERRY_TEST_MONGODB_URL']) return 'url';
  if (await machine.hasDocker()) return 'docker';
  if (machine.findProgram('mongod')) return 'mongod';
  if (machine.findProgram('documentdb-server')) return 'documentdb-server';
  return machine.findProgram('mongo-java-server') && machine.findProgram('java') ? 'mongo-java-server' : undefined;
}

/** CERTFERRY_TEST_NATS_URL, Docker, or `nats-server` on PATH. */
export async function chooseNats(machine: Machine): Promise<NatsSource | undefined> {
  if (machine.environment['CERTFERRY_TEST_NATS_URL']) return 'url';
  if (await machine.hasDocker()) return 'docker';
  return machine.findProgram('nats-server') ? 'nats-server' : undefined;
}
