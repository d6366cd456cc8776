/**
 * The one door of the HTTP interface: who asks, from where, and whether they may. Every route declares the scope that it
 * needs, or the server does not start; what is not known to be open is closed.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { createFailures, type Failures } from './failures.ts';
import { isOwnHost, isOwnOrigin, type OwnAddress } from './origin.ts';
import { HttpProblem } from './problem.ts';
import { isSame, readSession, type Session } from './session.ts';
import { allows, findToken, type KnownToken, SCOPES, type Scope } from './tokens.ts';

/** Who asks. */
export interface Caller {
  /** The token's, for the audit record. */
  readonly name: string;
  readonly scope: Scope;
  /** Of a signed-in browser alone. */
  readonly session?: Session;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may ask; a route without one is refused at the start. */
    scope?: Scope;
    /** It stands in the OpenAPI document. */
    documented?: boolean;
  }
  interface FastifyRequest {
    caller: Caller;
  }
}

export interface Door {
  /** Whether the text is a token's, counting wrong ones. @throws HttpProblem 401, 429 */
  admit(presented: string, address: string): KnownToken;
}

export interface DoorOptions {
  readonly tokens: readonly KnownToken[];
  readonly own: OwnAddress;
}

export const SESSION_COOKIE = 'omni-sync-session';
/** The cookie and the header that a browser's HTTP libraries (axios, Angular) know by themselves; Bull Board's pages do. */
export const CSRF = { cookie: 'XSRF-TOKEN', header: 'x-xsrf-token' } as const;

const ANYBODY: Caller = { name: 'anybody', scope: 'open' };
const READS = ['GET', 'HEAD'];

/** Stands before every route that is added to `app` from now on. */
export function keepDoor(app: FastifyInstance, { tokens, own }: DoorOptions): Door {
  const failures = createFailures();
  const admit = (presented: string, address: string) => admitted({ tokens, failures }, presented, address);
  app.decorateRequest('caller');
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.scope !== undefined && SCOPES.includes(config.scope)) return;
    throw new TypeError(`the route ${String(method)} ${url} declares no scope`);
  });
  app.addHook('onRequest', async (request) => {
    request.caller = ANYBODY;
    checkAddress(request, own);
    // Whatever is not declared (a path that is not there) is behind the door.
    const needs = request.routeOptions.config.scope ?? 'read';
    if (needs === 'open') return;
    request.caller = callerOf(request, tokens, admit);
    checkScope(request.caller, needs);
    checkCsrf(request);
  });
  return { admit };
}

function admitted(
  { tokens, failures }: { tokens: readonly KnownToken[]; failures: Failures },
  presented: string,
  address: string,
): KnownToken {
  const now = Date.now();
  const waitMs = failures.waitFor(address, now);
  if (waitMs > 0) throw tooMany(waitMs);
  const token = findToken(tokens, presented);
  if (token !== undefined) return token;
  failures.add(address, now);
  throw unauthorized('This token is not known here.');
}

function checkAddress({ headers, method }: FastifyRequest, own: OwnAddress): void {
  if (!isOwnHost(headers.host, own)) {
    const mend = 'ask under the name that it listens on, or set server.publicUrl';
    throw forbidden('http.host', `The Host header names another server than this one: ${mend}.`);
  }
  const { origin } = headers;
  const isForeign = origin !== undefined && !isOwnOrigin(origin, headers.host, own);
  const isSentByOthers = !READS.includes(method) && headers['sec-fetch-site'] === 'cross-site';
  if (isForeign || isSentByOthers)
    throw forbidden('http.origin', 'The request was sent by a page of another origin.');
}

function callerOf(
  { headers, ip }: FastifyRequest,
  tokens: readonly KnownToken[],
  admit: Door['admit'],
): Caller {
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  if (bearer !== undefined) {
    const { name, scope } = admit(bearer, ip);
    return { name, scope };
  }
  const cookie = cookieOf(headers.cookie, SESSION_COOKIE);
  if (cookie === undefined) throw unauthorized('A bearer token, or a signed-in session, is required.');
  const session = readSession(cookie, tokens, Date.now());
  if (session === undefined) throw unauthorized('The session is over: sign in again.');
  return { name: session.token.name, scope: session.token.scope, session };
}

function checkScope({ name, scope }: Caller, needs: Scope): void {
  if (allows(scope, needs)) return;
  throw forbidden('http.scope', `This needs the scope ${needs}; the token ${name} has ${scope}.`);
}

/** A browser sends the session's cookie by itself, whoever made it send the request. */
function checkCsrf({ caller, method, headers }: FastifyRequest): void {
  if (caller.session === undefined || READS.includes(method)) return;
  const given = headers[CSRF.header];
  if (typeof given === 'string' && isSame(given, caller.session.csrf)) return;
  throw forbidden(
    'http.csrf',
    `A write of a session needs the header ${CSRF.header} with the value of the cookie ${CSRF.cookie}.`,
  );
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const [key = '', ...value] = pair.split('=');
    if (key.trim() === name) return value.join('=').trim();
  }
  return undefined;
}

function unauthorized(detail: string): HttpProblem {
  return new HttpProblem(401, { detail, code: 'http.unauthorized' }, { 'www-authenticate': 'Bearer' });
}

function forbidden(code: string, detail: string): HttpProblem {
  return new HttpProblem(403, { detail, code });
}

function tooMany(waitMs: number): HttpProblem {
  const seconds = Math.ceil(waitMs / 1000);
  const detail = `Too many wrong tokens came from this address: try again in ${seconds} s.`;
  return new HttpProblem(429, { detail, code: 'http.failures' }, { 'retry-after': String(seconds) });
}
