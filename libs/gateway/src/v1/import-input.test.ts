import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram, temporaryFolder } from '@certferry/testing';
import multipart from '@fastify/multipart';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GatewayContext } from '../gateway-context.ts';
import { toProblem } from '../problem.ts';
import { readImportInput } from './import-input.ts';
import { packFiles } from './pack-files.ts';

let app: FastifyInstance;

beforeAll(async () => {
  app = fastify({ bodyLimit: 20_000_000 });
  await app.register(multipart, { limits: { fileSize: 2_000_000, files: 1 } });
  app.setErrorHandler((error, _request, reply) => {
    const problem = toProblem(error, '');
    void reply.code(problem.status).send(problem);
  });
  app.post('/', async (request) => {
    // Only imports by path look at the context.
    const { content, ...fields } = await readImportInput({} as GatewayContext, request);
    return { content: Buffer.from(content).toString(), ...fields };
  });
});
afterAll(() => app.close());

const file = { name: 'file', fileName: 'web.pem', value: 'the container' };

async function send(...parts: { name: string; fileName?: string; type?: string; value: string }[]) {
  const lines = parts.map(({ name, fileName, type, value }) => {
    const disposition = `content-disposition: form-data; name="${name}"${fileName ? `; filename="${fileName}"` : ''}`;
    return `--x\r\n${disposition}\r\n${type ? `content-type: ${type}\r\n` : ''}\r\n${value}\r\n`;
  });
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };
  const answer = await app.inject({ method: 'POST', url: '/', headers, payload: `${lines.join('')}--x--\r\n` });
  return answer.json();
}

test.each([
  ['a text', {}],
  ['a part of its own type', { type: 'application/json' }],
  ['a part of its own type with a file name, as browsers send it', { type: 'application/json', fileName: 'blob' }],
])('a JSON field may be %s', async (_, part) => {
  const answer = await send(
    { name: 'tags', value: '["a","b"]', ...part },
    { name: 'createOnly', value: 'true', ...part },
    { name: 'metadata', value: '{"owner":"ops"}', ...part },
    { name: 'name', value: 'web' },
    file,
  );
  expect(answer).toEqual({
    content: 'the container',
    fileName: 'web.pem',
    tags: ['a', 'b'],
    createOnly: true,
    metadata: { owner: 'ops' },
    name: 'web',
  });
});

test('several files are one ZIP archive, each under a name of its own', async () => {
  const parts = ['web.pem', 'web.pem', 'ä.key'].map((fileName, i) => ({ ...file, fileName, value: `file ${i}\n` }));
  expect(await send(...parts, { name: 'name', value: 'web' })).toMatchObject({ name: 'web' });
  const packed = packFiles(parts.map(({ fileName, value }) => ({ name: fileName, content: Buffer.from(value) })));
  const path = join(temporaryFolder('form'), 'form.zip');
  writeFileSync(path, packed);
  const list = `import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
print(z.testzip())
for i in z.infolist(): print(i.filename.encode('utf-8').hex(), i.date_time[0], z.read(i).decode().strip())`;
  const lines = (await runProgram('python3', ['-c', list, path])).trim().split('\n');
  expect(lines).toEqual([
    'None',
    ...['web.pem', '2-web.pem', 'ä.key'].map((name, i) => `${Buffer.from(name).toString('hex')} 1980 file ${i}`),
  ]);
});

test('so many files, and so many bytes of files, and no more', async () => {
  const many = (count: number, value: string) => Array.from({ length: count }, () => ({ ...file, value }));
  expect(await send(...many(100, 'x'))).toHaveProperty('content');
  expect(await send(...many(101, 'x'))).toMatchObject({ status: 413, reason: 'LIMIT_EXCEEDED' });
  expect(await send(...many(6, 'x'.repeat(1_900_000)))).toMatchObject({ status: 413, reason: 'LIMIT_EXCEEDED' });
});

test('what is not such a form is refused by name', async () => {
  const type = 'application/json';
  expect(await send({ name: 'tags', value: '[', type, fileName: 'blob' }, file)).toMatchObject({ status: 400 });
  expect(await send({ name: 'tags', value: '[', type }, file)).toMatchObject({ status: 400, reason: 'INVALID_FIELD' });
  expect(await send({ name: 'tags', value: 'a' }, file)).toMatchObject({ detail: 'The field "tags" must be JSON.' });
  expect(await send({ name: 'tags', value: '[]', fileName: 'tags.txt' }, file)).toMatchObject({
    status: 400,
    detail: 'The file must be in a part named "file", not "tags".',
  });
  const long = JSON.stringify({ a: 'x'.repeat(600_000) });
  expect(await send({ name: 'metadata', value: long, type, fileName: 'blob' }, file)).toMatchObject({
    status: 413,
    reason: 'LIMIT_EXCEEDED',
  });
  expect(await send({ name: 'name', value: 'x' })).toMatchObject({ status: 400, reason: 'INVALID_FIELD' });
});

test('JSON says one of content, a file, a URL and an endpoint', async () => {
  const post = async (payload: object) => (await app.inject({ method: 'POST', url: '/', payload })).json();
  const endpoint = { host: 'mail.example.com', port: 25, serverName: 'mx.example.com', startTls: 'smtp' };
  expect(await post({ url: 'https://a.example.com/web.pem?t=1', notes: 'n' })).toEqual({
    content: '',
    url: 'https://a.example.com/web.pem?t=1',
    notes: 'n',
  });
  expect(await post({ endpoint })).toEqual({ content: '', endpoint });
  const one = 'needs one of contentBase64, filePath, url and endpoint';
  for (const body of [{}, { url: 'https://a.example.com/', endpoint }, { contentBase64: 'AAAA', endpoint }])
    expect(await post(body)).toMatchObject({ status: 400, detail: expect.stringContaining(one) });
  for (const wrong of [{ port: 0 }, { port: 65_536 }, { startTls: 'ftp' }, { host: undefined }, { user: 'ann' }])
    expect(await post({ endpoint: { ...endpoint, ...wrong } })).toMatchObject({ status: 400, reason: 'INVALID_FIELD' });
});
