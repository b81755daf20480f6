import { readFileSync } from 'node:fs';
import { call, startCertferry } from '../test/running-system.ts';
import { makeArchive } from './archive.ts';
import { printTable } from './table.ts';

const resident = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

/** A ZIP of PEM certificates through the standalone, from the upload to the last one in the inventory. */
export async function benchBulk(): Promise<void> {
  const rows: (string | number)[][] = [];
  for (const count of [10_000, 100_000]) {
    const archive = makeArchive(count);
    const system = await startCertferry('standalone');
    const pid = system.processes[0]!.child.pid!;
    const profile = await call(system, 'POST', '/v1/enrollment-profiles', { name: 'bench', format: 'pem' });
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(archive)]), 'bench.zip');
    const start = performance.now();
    const made = await call(system, 'POST', `/v1/enrollment-profiles/${profile.body['id']}/imports`, form);
    const accepted = performance.now() - start;
    let most = 0;
    for (;;) {
      most = Math.max(most, resident(pid));
      const { body } = await call(system, 'GET', `/v1/bulk-imports/${made.body['id']}`);
      if (body['status'] !== 'pending') {
        const seconds = (performance.now() - start) / 1000;
        rows.push([`${count}`, archive.length / 2 ** 20, accepted, count / seconds, body['failed'] as number, most]);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await system.stop();
  }
  printTable(
    'Bulk import of a ZIP of PEM certificates, standalone',
    ['certificates', 'MiB', 'accepted after ms', 'certificates/s', 'failed', 'most MiB resident'],
    rows,
  );
}
