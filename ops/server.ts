/** The HTTP interface as a server: its limits, its error answers, its routes. It is handed everything that it shows or does. */
import type { Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { SyncError } from '../model/errors.ts';
import { faultFacts } from '../model/fault.ts';
import type { Health } from '../model/health.ts';
import { boardRoutes } from './board/board.ts';
import { keepDoor } from './door.ts';
import { securityHeaders } from './headers.ts';
import { logDoor } from './log-door.ts';
import { openApiRoute } from './openapi.ts';
import type { Operations } from './operations.ts';
import type { OwnAddress } from './origin.ts';
import { pageRoutes } from './pages/page-routes.ts';
import { problemPage } from './pages/sign-in.ts';
import { asProblem, HttpProblem, PROBLEM_TYPE, problemOf } from './problem.ts';
import { addRoutes, type Route } from './route.ts';
import { actRoutes } from './routes-acts.ts';
import { healthRoutes } from './routes-health.ts';
import { type MetricsRouteOptions, metricsRoute } from './routes-metrics.ts';
import { sessionRoutes } from './routes-session.ts';
import { syncRoutes } from './routes-syncs.ts';
import { knownTokens, type Scope, type ServerToken } from './tokens.ts';

export interface ServerOptions extends Pick<MetricsRouteOptions, 'metrics' | 'measured'> {
  /** IPv6 without brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The origin that browsers use, where something that speaks TLS stands before it. */
  readonly publicUrl?: string;
  /** At least one. */
  readonly tokens: readonly ServerToken[];
  /** The syncs as they run now; others after a reload. */
  readonly syncs: () => readonly Operations[];
  readonly redis: { readonly status: string };
  /** As the service's watch last saw it. */
  readonly health: () => Health;
  readonly log: Logger;
}

export interface ServedRoute {
  readonly method: string;
  /** With parameters as in `/api/syncs/:name`. */
  readonly url: string;
  readonly scope: Scope;
  /** It stands in the OpenAPI document. */
  readonly documented: boolean;
}

export interface RunningServer {
  /** Where it listens, as `http://127.0.0.1:8787`. */
  readonly url: string;
  /** Every route that is served. */
  readonly routes: readonly ServedRoute[];
  /** Takes no more requests, and lets those under way end for a while. */
  stop(): Promise<void>;
}

const BODY_BYTES = 256 * 1024;
/** A sender that is slow on purpose keeps a connection no longer than this, in milliseconds. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 15_000;
const FINISH_MS = 2_000;

/** Serves until it is stopped. @throws SyncError `config` where it cannot listen. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const routes: ServedRoute[] = [];
  const app = build(options, routes);
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    throw cannotListen(options, error);
  }
  const url = urlOf(app);
  options.log.info({ url }, 'listening');
  return {
    url,
    routes,
    async stop() {
      const cutting = setTimeout(() => app.server.closeAllConnections(), FINISH_MS);
      await app.close();
      clearTimeout(cutting);
    },
  };
}

function build(options: ServerOptions, served: ServedRoute[]): FastifyInstance {
  const { redis } = options;
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: HEADERS_MS,
    forceCloseConnections: 'idle',
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: 1_000 },
    routerOptions: { maxParamLength: 1_024 },
    clientErrorHandler: refuseUnread,
    frameworkErrors: (error, request, reply) => void tell(error, request, reply, options),
  });
  // JSON alone: a page of another origin can send text without asking first.
  app.removeContentTypeParser('text/plain');
  const headers = securityHeaders(options.publicUrl?.startsWith('https://') === true);
  app.addHook('onRequest', async (_, reply) => void reply.headers(headers));
  logDoor(app, options.log);
  noteRoutes(app, served);
  app.setErrorHandler((error, request, reply) => tell(error, request, reply, options));
  const door = keepDoor(app, { tokens: knownTokens(options.tokens), own: ownAddress(options) });
  app.setNotFoundHandler(async ({ url }) => {
    throw notFound(served, url);
  });
  const secure = options.publicUrl?.startsWith('https://') === true;
  const routes: readonly Route[] = [
    ...healthRoutes(options),
    ...sessionRoutes({ door, secure }),
    ...syncRoutes(options),
    ...actRoutes(options),
    metricsRoute(options),
    ...pageRoutes(options),
  ];
  const all = [...routes, openApiRoute(routes), ...boardRoutes(options)];
  addRoutes(app, all, () => redis.status !== 'ready');
  return app;
}

function ownAddress({ host, publicUrl }: ServerOptions): OwnAddress {
  return publicUrl === undefined ? { host } : { host, publicUrl };
}

/** Notes every route that is added from now on. */
function noteRoutes(app: FastifyInstance, routes: ServedRoute[]): void {
  app.addHook('onRoute', ({ url, method, config }) => {
    for (const one of [method].flat()) {
      const { scope = 'read', documented = false } = config ?? {};
      routes.push({ method: one, url, scope, documented });
    }
  });
}

/** 405 where the path is served with other methods. */
function notFound(routes: readonly ServedRoute[], url: string): HttpProblem {
  const [path = ''] = url.split('?');
  const methods = routes.flatMap((one) => (isAt(one.url, path) ? [one.method] : []));
  if (methods.length === 0) return new HttpProblem(404, { detail: 'Nothing is served at this path.' });
  const allow = [...new Set(methods)].sort().join(', ');
  return new HttpProblem(405, { detail: `This path is served with ${allow}.` }, { allow });
}

/** Part by part: a parameter is any part, a star at the end is any rest. */
function isAt(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  const rest = wanted.at(-1) === '*' ? wanted.length - 1 : undefined;
  if (rest === undefined && wanted.length !== given.length) return false;
  return wanted
    .slice(0, rest)
    .every((part, i) => part === given[i] || (part.startsWith(':') && (given[i] ?? '') !== ''));
}

function tell(error: unknown, request: FastifyRequest, reply: FastifyReply, { log }: ServerOptions) {
  const problem = asProblem(error);
  // The route, not the path: a path may name a person.
  const route = `${request.method} ${request.routeOptions?.url ?? '(none)'}`;
  if (problem.status === 500) log.error({ route, ...faultFacts(error) }, 'a request failed');
  const answer = reply.headers(problem.headers).code(problem.status);
  if (wantsPage(request)) return answer.type('text/html; charset=utf-8').send(problemPage(problem));
  return answer.type(PROBLEM_TYPE).send(problemOf(problem.status, problem.more));
}

/** A browser that shows what it gets to a person. */
function wantsPage({ method, headers }: FastifyRequest): boolean {
  return method === 'GET' && headers.accept?.includes('text/html') === true;
}

const UNREAD: Readonly<Record<string, number>> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };

/** What never became a request is answered on the bare connection. */
function refuseUnread(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) return void socket.destroy();
  const problem = problemOf(UNREAD[error.code ?? ''] ?? 400);
  const body = JSON.stringify(problem);
  const head = [`HTTP/1.1 ${problem.status} ${problem.title}`, `content-type: ${PROBLEM_TYPE}`];
  head.push(`content-length: ${Buffer.byteLength(body)}`, 'connection: close');
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function urlOf(app: FastifyInstance): string {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a server without a port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

function cannotListen({ host, port }: ServerOptions, error: unknown): SyncError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const why = code === 'EADDRINUSE' ? 'another program has the port' : code;
  const mend =
    'set another server.listen, or start this one without it (`omni-sync start --role scheduler,worker`)';
  return new SyncError(
    'config',
    'server.listen',
    `nothing can be served at ${host}:${port} (${why}): ${mend}`,
    {
      cause: error,
    },
  );
}
