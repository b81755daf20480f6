import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SwaggerParser from '@apidevtools/swagger-parser';
import { openApiDocument, OPERATIONS } from '@certferry/rest';
import { temporaryFolder } from '@certferry/testing';
import openapiTypeScript, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { openTestGateway } from './testing/open-test-gateway.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const document = () => structuredClone(openApiDocument()) as any;

/** What the command of Redocly says of a document, by the configuration of this repository. */
function lint(of: object): { errors: number; warnings: number; rules: string[] } {
  const path = join(temporaryFolder('openapi'), 'openapi.json');
  writeFileSync(path, JSON.stringify(of));
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [bin('redocly'), 'lint', path, '--format', 'json', '--config', join(root, 'redocly.yaml')],
    { encoding: 'utf8', env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' } },
  );
  const start = stdout.indexOf('{');
  if (start < 0) throw new Error(stdout + stderr);
  const { totals, problems } = JSON.parse(stdout.slice(start));
  return { ...totals, rules: problems.map((problem: { ruleId: string }) => problem.ruleId) };
}

describe('the description of our own API', () => {
  test('is linted by Redocly without an error and without a warning', () => {
    expect(lint(document())).toMatchObject({ errors: 0, warnings: 0, rules: [] });
    const worse = document();
    delete worse.paths['/v1/jobs'].get.operationId;
    delete worse.info.license.identifier;
    worse.paths['/v1/jobs/{id}'].get.responses['200'].content['application/json'].schema.$ref += 's';
    const rules = expect.arrayContaining(['operation-operationId', 'info-license-strict', 'no-unresolved-refs']);
    expect(lint(worse)).toMatchObject({ errors: 1, warnings: 2, rules });
  }, 60_000);

  test('is served without a key, as it is and below its pages', async () => {
    const { app, close } = await openTestGateway();
    for (const url of ['/openapi.json', '/docs/json'])
      expect((await app.inject({ url })).json(), url).toEqual(JSON.parse(JSON.stringify(document())));
    const pages = await app.inject({ url: '/docs/yaml' });
    expect(parse(pages.body)).toEqual(JSON.parse(JSON.stringify(document())));
    await close();
  });

  test('is valid OpenAPI 3.1 without a reference to nothing', async () => {
    const parsed = (await SwaggerParser.validate(document())) as any;
    expect(parsed.openapi).toBe('3.1.0');
    expect(
      parsed.paths['/v1/jobs/{id}'].get.responses['200'].content['application/json'].schema.properties.status.enum,
    ).toContain('drifted');
  });

  test('has every operation by its id, and every error as a problem', () => {
    const { paths, components } = document();
    const found = Object.values<any>(paths).flatMap((path) => Object.values<any>(path));
    expect(found.map(({ operationId }) => operationId).toSorted()).toEqual(Object.keys(OPERATIONS).toSorted());
    for (const { operationId, responses } of found) {
      const errors = Object.keys(responses).filter((status) => status >= '400');
      expect(errors, operationId).toEqual(expect.arrayContaining(['401', '403', '429', '500', '503', '504']));
      for (const status of errors) {
        const { content } = components.responses[responses[status].$ref.split('/').at(-1)];
        expect(content, operationId).toEqual({
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        });
      }
    }
  });

  test('names the bodies of uploads, downloads and the event stream', () => {
    const { paths } = document();
    const types = (path: string, method = 'post') => Object.keys(paths[path][method].requestBody.content);
    expect(types('/v1/imports')).toEqual(['multipart/form-data', 'application/json']);
    expect(types('/v1/imports/inspect')).toEqual(['multipart/form-data', 'application/json']);
    expect(types('/v1/enrollment-profiles/{id}/imports')).toEqual(['multipart/form-data']);
    const answers = (path: string) => Object.keys(paths[path].get.responses['200'].content);
    expect(answers('/v1/certificates/{id}/download')).toContain('application/x-pem-file');
    expect(answers('/v1/events')).toEqual(['text/event-stream']);
  });

  test('makes a TypeScript client in which an upload compiles, and a wrong one does not', async () => {
    const blob = ts.factory.createTypeReferenceNode('Blob');
    const source = astToString(
      await openapiTypeScript(document(), {
        transform: (schema) => (schema.format === 'binary' ? blob : undefined),
      }),
    );
    expect(compile(source)).toBe('');
  }, 60_000);
});

/** What the compiler says of uploads by the types that were made. */
function compile(source: string): string {
  const folder = join(temporaryFolder('client'), 'src');
  mkdirSync(folder);
  writeFileSync(join(folder, 'api.ts'), source);
  writeFileSync(
    join(folder, 'upload.ts'),
    `import type { components, paths } from './api.ts';
type Post = paths['/v1/imports']['post'];
type Form = Post['requestBody']['content']['multipart/form-data'];
const form: Form = { file: new Blob([]), tags: ['web'], formats: ['pem'] };
// @ts-expect-error the file is missing
export const withoutFile: Form = { tags: ['web'] };
// @ts-expect-error there is no such format
export const wrongFormat: Form = { file: new Blob([]), formats: ['gif'] };
type Json = NonNullable<Post['requestBody']['content']['application/json']>;
export const fetched: Json[] = [
  { url: 'https://files.example.com/web.pem' },
  { endpoint: { host: 'mail.example.com', port: 25, startTls: 'smtp', serverName: 'mx.example.com' } },
];
// @ts-expect-error an endpoint has a port
export const withoutPort: Json = { endpoint: { host: 'mail.example.com' } };
// @ts-expect-error there is no such protocol
export const wrongProtocol: Json = { endpoint: { host: 'mail.example.com', port: 21, startTls: 'ftp' } };
export const sourceOf = ({ source }: components['schemas']['Import']): string | undefined => source;
export async function upload(): Promise<components['schemas']['ImportItem'][]> {
  const body = new FormData();
  for (const [name, value] of Object.entries(form)) body.set(name, value instanceof Blob ? value : JSON.stringify(value));
  const response = await fetch('/v1/imports', { method: 'POST', body });
  const answer = (await response.json()) as Post['responses'][200]['content']['application/json'];
  return answer.items.filter(({ result }) => result === 'created');
}
`,
  );
  const compilerOptions = {
    noEmit: true,
    strict: true,
    target: 'es2024',
    module: 'nodenext',
    lib: ['es2024', 'dom'],
    types: [],
    allowImportingTsExtensions: true,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  return spawnSync(process.execPath, [bin('tsc'), '-p', folder], { encoding: 'utf8' }).stdout;
}
