export { makeCertificate, makeChain, type TestCertificate } from './certificate-factory.ts';
export {
  findProgram,
  freePort,
  hasProgram,
  requireInfra,
  runProgram,
  startProgram,
  temporaryFolder,
  type RunningProgram,
} from './programs.ts';
export { createRandom } from './random.ts';
export { startNatsServer } from './servers.ts';
export { zip } from './zip.ts';
export { databaseUrl, useMongoDb, useNats, type SharedServer } from './shared-servers.ts';
