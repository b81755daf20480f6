import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parserV1 } from '@certferry/contracts';
import { createInProcessClient, serve } from '@certferry/rpc';
import { makeCertificate, temporaryFolder } from '@certferry/testing';
import { createHandlers } from '../libs/parser/src/handlers.ts';
import { Sandbox } from '../libs/parser/src/sandbox/sandbox.ts';
import { makeArchive } from './bulk.ts';
import { printTable } from './table.ts';

const ARCHIVE = 100_000;
const FILES = 1_000;
const CHUNK = 1024 * 1024;

/** Archives and PKCS#12 files through the parser: two children, as on a machine with two cores. */
export async function benchContainers(): Promise<void> {
  const sandbox = new Sandbox(2);
  const definition = parserV1.ParserServiceDefinition;
  const { implementation } = serve(definition, createHandlers(sandbox));
  const parser = createInProcessClient(definition, implementation, { callEnded: () => undefined });

  const archive = await makeArchive(ARCHIVE);
  let [most, count] = [0, 0];
  const requests = async function* (): AsyncGenerator<parserV1.ParseArchiveRequest> {
    yield { part: { $case: 'options', value: { summaryOnly: false, skipItems: 0 } } };
    for (let at = 0; at < archive.length; at += CHUNK)
      yield { part: { $case: 'chunk', value: await Promise.resolve(archive.subarray(at, at + CHUNK)) } };
  };
  const before = process.memoryUsage().rss;
  let start = performance.now();
  for await (const { part } of parser.parseArchive(requests())) {
    if (part?.$case === 'batch') count += part.value.items.filter((item) => item.inspection).length;
    most = Math.max(most, process.memoryUsage().rss);
  }
  const archived = (count * 1000) / (performance.now() - start);
  printTable(
    `ParseArchive of a ZIP of ${ARCHIVE} PEM certificates`,
    ['certificates', 'certificates/s', 'MiB resident above the archive'],
    [[`${count}`, archived, (most - before) / 2 ** 20]],
  );

  const path = join(temporaryFolder('bench'), 'one.pem');
  const one = await makeCertificate({ commonName: 'one.example.com' });
  writeFileSync(path, one.pem + one.keyPem);
  const content = execFileSync('openssl', [
    'pkcs12',
    '-export',
    '-in',
    path,
    '-passout',
    'pass:changeit',
    '-iter',
    '2048',
  ]);
  await Promise.all(Array.from({ length: 20 }, () => parser.inspect({ content, password: 'changeit' })));
  start = performance.now();
  await Promise.all(Array.from({ length: FILES }, () => parser.inspect({ content, password: 'changeit' })));
  const opened = (FILES * 1000) / (performance.now() - start);
  printTable('PKCS#12 with 2,048 iterations, two children', ['', 'files/s'], [['Inspect', opened]]);
  sandbox.close();
}
