/** Errors as the HTTP interface tells them (RFC 9457). A fault of our own is told without its text. */
import { isSyncError, type SyncError } from '../model/errors.ts';

/** The body of every answer that is an error, `application/problem+json`. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  /** What was expected, what came, how to mend it. */
  readonly detail?: string;
  /** Stable, for programs. */
  readonly code?: string;
  /** What is wrong with a request's body or parameters, each with its place. */
  readonly errors?: readonly { readonly at: string; readonly problem: string }[];
}

/** An answer that is an error, thrown by a route. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly more: Omit<Problem, 'type' | 'title' | 'status'>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, more: HttpProblem['more'] = {}, headers: HttpProblem['headers'] = {}) {
    super(more.detail ?? TITLES[status] ?? String(status));
    this.name = 'HttpProblem';
    this.status = status;
    this.more = more;
    this.headers = headers;
  }
}

export const PROBLEM_TYPE = 'application/problem+json';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  413: 'Content too large',
  414: 'URI too long',
  415: 'Unsupported media type',
  422: 'Unprocessable content',
  429: 'Too many requests',
  431: 'Request header fields too large',
  500: 'Internal server error',
  503: 'Service unavailable',
};

/** The body of an answer with this status. */
export function problemOf(status: number, more: HttpProblem['more'] = {}): Problem {
  return { type: 'about:blank', title: TITLES[status] ?? 'Error', status, ...more };
}

/** Redis, or something else that an answer needs, is away: ask again soon. */
export function unavailable(detail: string): HttpProblem {
  return new HttpProblem(503, { detail, code: 'http.unavailable' }, { 'retry-after': '5' });
}

/** What an error that a route threw is told as. Fastify's own carry a status; anything unknown is a fault of ours. */
export function asProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (isSyncError(error)) return ofSyncError(error);
  const status = statusOf(error);
  if (status === undefined) return new HttpProblem(500, { detail: OWN_FAULT, code: 'http.bug' });
  return new HttpProblem(status, { detail: FASTIFY_DETAILS[status] ?? 'The request cannot be read.' });
}

const OWN_FAULT = 'A fault of omni-sync itself; its log has it. Please report it.';

/** Fastify's own texts may repeat what was sent. */
const FASTIFY_DETAILS: Readonly<Record<number, string>> = {
  400: 'The request cannot be read: a body must be JSON, without the keys __proto__ and constructor.',
  413: 'The body is larger than 256 KiB.',
  415: 'A body must be sent as application/json.',
};

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const status = Number(error.statusCode);
  return status >= 400 && status < 500 ? status : undefined;
}

const STATUSES: Partial<Readonly<Record<SyncError['kind'], number>>> = {
  unsafe: 409,
  conflict: 409,
  config: 422,
  missing: 404,
  refused: 422,
};

function ofSyncError({ kind, code, message }: SyncError): HttpProblem {
  const status = STATUSES[kind] ?? 503;
  const headers = status === 503 ? { 'retry-after': '30' } : {};
  return new HttpProblem(status, { detail: message, code }, headers);
}
