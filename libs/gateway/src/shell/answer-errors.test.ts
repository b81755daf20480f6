import { AppError } from '@certferry/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HttpError } from '../problem.ts';
import { openTestGateway, type TestGateway } from '../testing/open-test-gateway.ts';
import { probeDialect } from '../testing/probe-dialect.ts';

let gateway: TestGateway;
const errors: Record<string, Error> = {
  limited: new HttpError(429, 'RATE_LIMITED', 'Slower.'),
  away: new AppError({ code: 'UNAVAILABLE', reason: 'AWAY', message: 'Away.' }),
  intended: new HttpError(503, 'NO_SIGN_IN', 'There is none.'),
  unforeseen: new Error('canary'),
  wrong: new AppError({ code: 'INVALID_ARGUMENT', reason: 'WRONG', message: 'Wrong.' }),
};

beforeAll(async () => {
  const probe = probeDialect((app) =>
    app.get('/:error', { config: { scope: 'read' } }, (request) => {
      throw errors[(request.params as { error: string }).error]!;
    }),
  );
  gateway = await openTestGateway({ dialects: [probe] });
});
afterAll(() => gateway.close());

test.each([
  ['limited', 429, '60'],
  ['away', 503, '5'],
  ['intended', 503, '5'],
  ['unforeseen', 500, undefined],
  ['wrong', 400, undefined],
])('%s: %i with Retry-After %s', async (error, status, retryAfter) => {
  const answer = await gateway.send({ method: 'GET', url: `/probe/${error}` });
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([status, retryAfter]);
});

test('what nobody foresaw is logged with the request id and says nothing of itself', async () => {
  gateway.log.length = 0;
  const answers = new Map<string, string>();
  for (const error of Object.keys(errors)) {
    const answer = await gateway.send({ method: 'GET', url: `/probe/${error}` });
    expect(answer.body).not.toContain('canary');
    answers.set(error, answer.headers['x-request-id'] as string);
  }
  const failed = gateway.log
    .filter(({ level }) => level === 'error')
    .map(({ line }) => [line['err'], line['requestId']]);
  expect(failed).toEqual(['away', 'unforeseen'].map((error) => [errors[error], answers.get(error)]));
});
