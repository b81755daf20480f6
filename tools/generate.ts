import { execFileSync } from 'node:child_process';

/** Regenerates everything under libs/contracts/src that is not written by hand: message code and the descriptors for reflection. */
const buf = (...args: string[]) => execFileSync('node_modules/.bin/buf', args, { stdio: 'inherit' });

buf('generate');
buf('build', '--as-file-descriptor-set', '-o', 'libs/contracts/src/certferry.binpb');
buf('build', 'libs/rpc/proto', '--as-file-descriptor-set', '-o', 'libs/rpc/src/health.binpb');
