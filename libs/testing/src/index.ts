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
export { startNatsServer } from './servers.ts';
