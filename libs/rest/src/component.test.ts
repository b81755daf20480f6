import { expect, test } from 'vitest';
import { z } from 'zod';
import { named } from './component.ts';
import { JsonSchemas } from './json-schemas.ts';
import type { Operation } from './operation.ts';

const operation = (of: Partial<Operation>): Operation => ({
  method: 'POST',
  path: '/v1/tests',
  tag: 'tests',
  summary: '',
  answers: {},
  ...of,
});

test('a name is given once', () => {
  named('TestTaken', z.object({}));
  expect(() => named('TestTaken', z.object({}))).toThrow('TestTaken');
});

test('a schema that is not the same when it is sent and when it is answered needs two names', () => {
  const both = named('TestBoth', z.object({ a: z.string().default('') }));
  const same = named('TestSame', z.strictObject({ a: z.string().optional() }));
  const schemas = new JsonSchemas([operation({ body: both, answers: { 200: both } })]);
  schemas.of(both, 'input');
  expect(() => schemas.of(both, 'output')).toThrow('"TestBoth"');
  schemas.of(same, 'input');
  expect(schemas.of(same, 'output')).toEqual({ $ref: '#/components/schemas/TestSame' });
});

test('only components that are referred to are used, at any depth', () => {
  const inner = named('TestInner', z.enum(['x']));
  const outer = named('TestOuter', z.object({ list: z.array(inner) }));
  const schemas = new JsonSchemas([operation({ answers: { 200: outer } })]);
  schemas.of(outer, 'output');
  expect(schemas.used()).toEqual({
    TestInner: { type: 'string', enum: ['x'] },
    TestOuter: {
      type: 'object',
      properties: { list: { type: 'array', items: { $ref: '#/components/schemas/TestInner' } } },
      required: ['list'],
    },
  });
});
