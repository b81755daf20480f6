import { realpathSync, statSync } from 'node:fs';
import { findProgram } from '../../libs/testing/src/programs.ts';

// What a test's result depends on beside the tree: which programs the machine has. The cache of the tests takes what this prints.

const PROGRAMS = [
  'certtool',
  'curl',
  'documentdb-server',
  'java',
  'keytool',
  'mongo-java-server',
  'mongod',
  'nats-server',
  'openssl',
  'pk12util',
  'script',
  'ssh-keygen',
];
const FILES = ['/usr/lib/python3/dist-packages/cryptography_vectors', '/var/run/docker.sock'];

/** Its size and time change with its version. */
function identify(path: string | undefined): string {
  const found = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
  return found ? `${realpathSync(path!)} ${found.size} ${found.mtimeMs}` : 'none';
}

console.log(`node ${process.version} ${process.platform} ${process.arch}`);
for (const name of PROGRAMS) console.log(`${name} ${identify(findProgram(name))}`);
for (const path of FILES) console.log(`${path} ${identify(path)}`);
