/**
 * A route of the HTTP interface: what it needs, who may ask and what it answers, declared in one place. The server checks
 * requests by it, and the OpenAPI document is made from it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Caller } from './door.ts';
import { HttpProblem, unavailable } from './problem.ts';
import type { Scope } from './tokens.ts';

export interface Asked<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  readonly request: FastifyRequest;
}

export interface Answer {
  readonly body: unknown;
  /** 200 where left out. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** What an answer of one status holds. */
export interface AnswerShape {
  readonly description: string;
  /** Of a JSON body. */
  readonly schema?: z.ZodType;
  /** Of any other body. */
  readonly type?: string;
}

interface RouteSpec {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With parameters as in `/api/syncs/{name}`. */
  readonly path: string;
  readonly scope: Scope;
  readonly summary: string;
  /** By status; errors are the same everywhere. */
  readonly answers: Readonly<Record<number, AnswerShape>>;
  /** It is answered while Redis is away too. */
  readonly withoutRedis?: boolean;
  /** Left out: it stands in the OpenAPI document. */
  readonly documented?: false;
}

export interface Route extends RouteSpec {
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  readonly body: z.ZodType | undefined;
  handle(asked: Asked<unknown, unknown, unknown>): Promise<Answer>;
}

const NOTHING = z.strictObject({});

interface Definition<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> extends RouteSpec {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  handle(asked: Asked<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer>;
}

/** Declares a route. */
export function route<
  P extends z.ZodType = typeof NOTHING,
  Q extends z.ZodType = typeof NOTHING,
  B extends z.ZodType = z.ZodUndefined,
>(definition: Definition<P, Q, B>): Route {
  const { params = NOTHING, query = NOTHING, body } = definition;
  // What is handed in was parsed by these very schemas.
  return { ...definition, params, query, body } as Route;
}

/** How long an answer may take, in milliseconds, before it is given up: Redis may hang without being away. */
const ANSWER_MS = 10_000;

/** Serves the routes. `isAway`: Redis does not answer now. */
export function addRoutes(app: FastifyInstance, routes: readonly Route[], isAway: () => boolean): void {
  for (const one of routes) {
    app.route({
      method: one.method,
      url: one.path.replace(/\{(\w+)\}/g, ':$1'),
      config: { scope: one.scope, documented: one.documented !== false },
      handler: async (request, reply) => {
        if (isAway() && one.withoutRedis !== true) throw unavailable('Redis does not answer.');
        return send(reply, await inTime(one.handle(askedOf(one, request))));
      },
    });
  }
}

function send(reply: FastifyReply, { status = 200, headers = {}, body }: Answer): FastifyReply {
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
  return reply.code(status).send(body);
}

function askedOf(one: Route, request: FastifyRequest): Asked<unknown, unknown, unknown> {
  return {
    params: checked(one.params, request.params, 'the path'),
    query: checked(one.query, request.query, 'the query'),
    body: one.body === undefined ? bodiless(request.body) : checked(one.body, request.body ?? {}, 'the body'),
    caller: request.caller,
    request,
  };
}

function bodiless(body: unknown): undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'object' && Object.keys(body).length === 0) return undefined;
  throw new HttpProblem(400, { detail: 'This request takes no body.', code: 'http.invalid' });
}

function checked(schema: z.ZodType, value: unknown, where: string): unknown {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const errors = error.issues.map(({ path, message }) => ({ at: path.join('.') || where, problem: message }));
  throw new HttpProblem(400, {
    detail: `What was sent in ${where} is not what is expected.`,
    code: 'http.invalid',
    errors,
  });
}

async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable('No answer was ready in time.')), ANSWER_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
