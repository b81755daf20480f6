import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { findDriver } from '../../drivers.ts';
import { toyDriver } from '../../toy/toy-driver.ts';
import { serveStores } from '../serve-stores.ts';
import { STALLED } from './stalled.ts';

// The product's child, which knows the toy store too and whose file system dies when its parent says so: its threads
// for files open pipes that nobody writes to, as they wait for a dead network mount.

const folder = process.argv[2]!;

function stall(): void {
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
  const pipes = Array.from({ length: threads }, (_, i) => join(folder, `${process.pid}-${i}.pipe`));
  execFileSync('/usr/bin/mkfifo', pipes);
  for (const pipe of pipes) void open(pipe, 'r').then((file) => file.close());
  writeFileSync(join(folder, `${process.pid}.${STALLED}`), '');
}

serveStores((kind) => (kind === 'toy' ? toyDriver() : findDriver(kind)));
process.on('SIGUSR2', stall);
if (existsSync(join(folder, STALLED))) stall();
