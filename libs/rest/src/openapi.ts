import { z } from 'zod';
import { JsonSchemas, type Json } from './json-schemas.ts';
import { errorStatuses, type Answer, type Operation, type Upload } from './operation.ts';
import { OPERATIONS, TAGS } from './operations.ts';
import { problemDetails } from './problem.ts';

const PROBLEMS: Record<number, [name: string, description: string]> = {
  400: ['BadRequest', 'What was sent cannot be right: `detail` names the field and the rule.'],
  401: ['NotAuthenticated', 'There is no API key with the call, or it is not one of ours.'],
  403: ['NotAllowed', 'The API key does not have the scope that the call needs.'],
  404: ['NotFound', 'What is asked for, or something that it refers to, is not there.'],
  409: ['Conflict', 'Right in itself, but not in the present state.'],
  413: ['TooLarge', 'What was sent, or what is in it, is over a limit: `details` has its name and value.'],
  415: ['UnsupportedMediaType', 'The call does not take this Content-Type.'],
  422: ['CannotBeProcessed', 'The Idempotency-Key was used for another call.'],
  429: ['TooManyRequests', 'Too many calls with wrong API keys from one address.'],
  500: ['InternalError', 'Something went wrong inside Certferry; its log has the request id.'],
  503: ['Unavailable', 'A part of Certferry is not there now; try again later.'],
  504: ['TimedOut', 'The call took too long.'],
};

const IDEMPOTENCY_KEY =
  '1 to 200 visible ASCII characters: the same call with the same key within 24 hours is answered as the first';
const RETRY_AFTER = { description: 'Seconds to wait', schema: { type: 'integer' as const } };
const STATUS_TEXTS: Record<number, string> = { 200: 'OK', 201: 'Made', 202: 'Accepted', 204: 'Done' };

const SECURITY_SCHEMES = {
  apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
  bearer: { type: 'http', scheme: 'bearer', description: 'An API key, as Authorization: Bearer' },
} as const;

const FILE = { schema: { type: 'string', format: 'binary' } };

const SECURITY: Record<string, string[]>[] = [{ apiKey: [] }, { bearer: [] }];

/** The OpenAPI 3.1 document of the public API; a pure function of the operations. */
export function openApiDocument() {
  const schemas = new JsonSchemas(Object.values<Operation>(OPERATIONS));
  const paths: Record<string, Json> = {};
  const statuses = new Set<number>();
  for (const [operationId, operation] of Object.entries<Operation>(OPERATIONS)) {
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = describe(operationId, operation, schemas);
    for (const status of errorStatuses(operation)) statuses.add(status);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Certferry',
      version: '1',
      description:
        'Import certificates, know them, and deploy them to the stores that serve them. Errors are RFC 9457 problems; `reason` names the cause for programs.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The Certferry that this document is from' }],
    security: SECURITY,
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: SECURITY_SCHEMES,
      responses: Object.fromEntries(
        [...statuses].map((status) => [PROBLEMS[status]![0], problemResponse(status, schemas)]),
      ),
      schemas: schemas.used(),
    },
  };
}

function describe(operationId: string, operation: Operation, schemas: JsonSchemas): Json {
  const { tag, summary, description, answers } = operation;
  const responses: Json = {};
  for (const [status, answer] of Object.entries(answers)) responses[status] = response(Number(status), answer, schemas);
  for (const [status, { contentTypes }] of Object.entries(operation.files ?? {}))
    for (const type of contentTypes) ((responses[status] as Json)['content'] as Json)[type] = FILE;
  for (const status of errorStatuses(operation))
    responses[status] = { $ref: `#/components/responses/${PROBLEMS[status]![0]}` };
  const parameters = parametersOf(operation, schemas);
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...requestBody(operation, schemas),
    responses,
  };
}

function parametersOf({ params, query, headers, idempotent }: Operation, schemas: JsonSchemas): Json[] {
  const from = (place: 'path' | 'query', object: z.ZodObject | undefined) =>
    schemas.members(object).map(([name, { description, ...schema }]) => {
      return { name, in: place, required: place === 'path', ...(description !== undefined && { description }), schema };
    });
  const all = { ...headers, ...(idempotent && { 'Idempotency-Key': IDEMPOTENCY_KEY }) };
  const inHeader = Object.entries(all).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));
  return [...from('path', params), ...from('query', query), ...inHeader];
}

function requestBody({ body, upload }: Operation, schemas: JsonSchemas): Json {
  if (body)
    return { requestBody: { required: true, content: { 'application/json': { schema: schemas.of(body, 'input') } } } };
  if (!upload) return {};
  const json = upload.json && { 'application/json': { schema: schemas.of(upload.json, 'input') } };
  return { requestBody: { required: true, content: { 'multipart/form-data': form(upload, schemas), ...json } } };
}

/** Fields that are not texts are JSON, which has to be said: by itself an array would be a part an item. */
function form({ file, fields }: Upload, schemas: JsonSchemas): Json {
  const properties: Json = {};
  const encoding: Json = {};
  for (const [name, schema] of schemas.members(fields)) {
    properties[name] = schema;
    if (schema['type'] !== 'string') encoding[name] = { contentType: 'application/json' };
  }
  properties['file'] = { type: 'string', format: 'binary', description: file };
  return {
    schema: { type: 'object', properties, required: ['file'] },
    ...(Object.keys(encoding).length > 0 && { encoding }),
  };
}

function response(status: number, answer: Answer, schemas: JsonSchemas): Json {
  const description = STATUS_TEXTS[status] ?? String(status);
  if (answer instanceof z.ZodType)
    return { description, content: { 'application/json': { schema: schemas.of(answer, 'output') } } };
  switch (answer.kind) {
    case 'nothing':
      return { description };
    case 'file': {
      const headers = {
        'Content-Disposition': { description: 'attachment, with the file name', schema: { type: 'string' } },
      };
      return {
        description: 'The file',
        headers,
        content: Object.fromEntries(answer.contentTypes.map((type) => [type, FILE])),
      };
    }
    case 'stream': {
      const contentSchema = schemas.of(answer.event, 'output');
      const schema = {
        type: 'string',
        description: 'Messages of the HTML standard’s event stream; the data of each is JSON of contentSchema',
        contentSchema,
      };
      return { description: 'A stream that does not end', content: { 'text/event-stream': { schema } } };
    }
  }
}

function problemResponse(status: number, schemas: JsonSchemas) {
  return {
    description: PROBLEMS[status]![1],
    ...((status === 429 || status === 503) && { headers: { 'Retry-After': RETRY_AFTER } }),
    content: { 'application/problem+json': { schema: schemas.of(problemDetails, 'output') } },
  };
}
