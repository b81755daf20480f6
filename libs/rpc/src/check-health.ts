// node check-health.ts HOST:PORT FOLDER: exit code 0 when the services there say SERVING, over mTLS with the files that
// make-internal-pki.ts put into FOLDER. For the health check of a container.
import { join } from 'node:path';
import { HealthDefinition } from 'nice-grpc-server-health';
import { connectRemote } from './remote.ts';
import { readTlsFiles } from './tls.ts';

/** grpc.health.v1.HealthCheckResponse.ServingStatus; the package does not export it. */
const SERVING = 1;

const [address, folder] = process.argv.slice(2);
if (!address || !folder) throw new Error('usage: check-health.ts HOST:PORT FOLDER');
const tls = readTlsFiles({
  ca: join(folder, 'ca.crt'),
  cert: join(folder, 'service.crt'),
  key: join(folder, 'service.key'),
});
const remote = connectRemote(address, tls);
try {
  const { status } = await remote.client(HealthDefinition).check({ service: '' }, { deadline: 4_000 });
  if (Number(status) !== SERVING) throw new Error(`not serving: ${status}`);
} finally {
  remote.close();
}
