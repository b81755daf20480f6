import { fork, type ChildProcess } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a child has of this process's environment: where programs, time and trust come from, and no secret. */
const KEPT = ['PATH', 'TZ', 'LANG', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'UV_THREADPOOL_SIZE'];

/** Starts a child that speaks `Channel` and begins with `serveParent`; it prints nothing. */
export function forkChild(
  main: URL,
  { execArgv = [], args = [] }: { execArgv?: string[]; args?: string[] } = {},
): ChildProcess {
  // A folder of this version of Node.js, in the one that was chosen.
  const compileCache = getCompileCacheDir();
  const child = fork(fileURLToPath(main), args, {
    serialization: 'advanced',
    execArgv,
    env: {
      ...Object.fromEntries(KEPT.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
      ...(compileCache && { NODE_COMPILE_CACHE: dirname(compileCache) }),
    },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  // That it cannot be started, or reached, is heard by its exit.
  child.on('error', () => undefined);
  return child;
}
