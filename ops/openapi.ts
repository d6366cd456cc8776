/** The OpenAPI 3.1 document of the HTTP interface, made from the routes themselves. */
import { z } from 'zod';
import { PROBLEM_TYPE } from './problem.ts';
import { type AnswerShape, type Route, route } from './route.ts';

/** The route of the document, which describes `routes` and itself. */
export function openApiRoute(routes: readonly Route[]): Route {
  const itself: Route = route({
    method: 'GET',
    path: '/api/openapi.json',
    scope: 'read',
    summary: 'This document',
    withoutRedis: true,
    answers: { 200: { description: 'OpenAPI 3.1.', schema: z.looseObject({ openapi: z.string() }) } },
    handle: async () => ({ body: openApiDocument([...routes, itself]) }),
  });
  return itself;
}

/** Describes routes. */
function openApiDocument(routes: readonly Route[]) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const one of routes) {
    const operations = paths[one.path] ?? {};
    operations[one.method.toLowerCase()] = operationOf(one);
    paths[one.path] = operations;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'omni-directory-sync',
      version: '1',
      description: 'docs/http.md tells who may ask for what, and how a browser signs in.',
    },
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'omni-sync-session' },
      },
      responses: { problem: PROBLEM },
    },
  };
}

function operationOf({ summary, scope, params, query, body, answers }: Route) {
  return {
    summary,
    'x-scope': scope,
    security: scope === 'open' ? [] : [{ bearer: [] }, { session: [] }],
    parameters: [...parametersOf('path', params), ...parametersOf('query', query)],
    ...(body !== undefined && {
      requestBody: { content: { 'application/json': { schema: jsonSchema(body, 'input') } } },
    }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, shape]) => [status, answerOf(shape)])),
      default: { $ref: '#/components/responses/problem' },
    },
  };
}

function answerOf({ description, schema, type }: AnswerShape) {
  if (schema === undefined && type === undefined) return { description };
  const content = schema === undefined ? { type: 'string' } : jsonSchema(schema, 'output');
  return { description, content: { [type ?? 'application/json']: { schema: content } } };
}

function parametersOf(place: 'path' | 'query', schema: z.ZodType) {
  const { properties = {}, required = [] } = jsonSchema(schema, 'input');
  return Object.entries(properties).map(([name, own]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: own,
  }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output') {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  return rest;
}

const PROBLEM = {
  description: 'What went wrong, and how to mend it (RFC 9457).',
  content: {
    [PROBLEM_TYPE]: {
      schema: jsonSchema(
        z.object({
          type: z.string(),
          title: z.string(),
          status: z.int(),
          detail: z.string().exactOptional(),
          code: z.string().exactOptional(),
          errors: z.array(z.strictObject({ at: z.string(), problem: z.string() })).exactOptional(),
        }),
        'output',
      ),
    },
  },
};
