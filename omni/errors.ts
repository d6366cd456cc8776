/**
 * What an answer, or the lack of one, means: a SyncError. Nothing of a request is kept in it but the method and
 * the path without its query; an answer is kept as an excerpt.
 */
import type { HttpAnswer, HttpFailure, HttpRequest } from '../http/http.ts';
import { type ErrorKind, SyncError } from '../model/errors.ts';
import { excerpt } from './excerpt.ts';
import { retryAfterMs } from './retry-after.ts';

/** A request as far as its errors need it. */
export interface Asked {
  readonly method: HttpRequest['method'];
  /** Without the query. */
  readonly path: string;
  /** The values of people that were sent, which an answer may echo. */
  readonly personal: readonly string[];
  readonly apiKey: string;
}

interface Meaning {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly said: string;
}

/**
 * | status | kind |
 * |---|---|
 * | 400, 422 | refused |
 * | 401, 403 | unauthorized |
 * | 404, 410 | missing where an account was named, else transient: the URL is wrong, not the person |
 * | 409 | conflict |
 * | 429 | throttled |
 * | 408, 5xx | transient; unknown for a POST, which may have been carried out |
 * | 3xx | refused: a redirect is not followed, and nothing is sent again |
 * | any other | refused |
 */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  400: { kind: 'refused', code: 'omni.refused', said: 'Omni refused the request' },
  401: { kind: 'unauthorized', code: 'omni.unauthorized', said: keySaid() },
  403: { kind: 'unauthorized', code: 'omni.unauthorized', said: keySaid() },
  404: { kind: 'missing', code: 'omni.missing', said: 'Omni has no such account' },
  408: { kind: 'transient', code: 'omni.failed', said: 'Omni did not answer in time' },
  409: { kind: 'conflict', code: 'omni.conflict', said: 'Omni has an account with this userName' },
  410: { kind: 'missing', code: 'omni.missing', said: 'Omni has no such account' },
  422: { kind: 'refused', code: 'omni.refused', said: 'Omni refused the request' },
  429: { kind: 'throttled', code: 'omni.throttled', said: 'Omni asks for fewer requests' },
};

const FAILED: Meaning = { kind: 'transient', code: 'omni.failed', said: 'Omni failed' };
const REDIRECT: Meaning = {
  kind: 'refused',
  code: 'omni.redirect',
  said: 'Omni answered with a redirect, which is not followed; give omni.url as it is after the redirect',
};
const NO_ENDPOINT: Meaning = {
  kind: 'transient',
  code: 'omni.no-endpoint',
  said: 'there is no SCIM API at this URL; check omni.url',
};
const OTHER: Meaning = {
  kind: 'refused',
  code: 'omni.status',
  said: 'an answer of another status was expected',
};

/** The error that an answer of a status other than 2xx stands for. `now` is in milliseconds since 1970. */
export function answerError(asked: Asked, answer: HttpAnswer, now: number): SyncError {
  const { kind, code, said } = meaning(asked, answer.status);
  const wait = retryAfterMs(answer.headers, now);
  const request = failedRequest(asked, answer);
  const reason = request.answer === undefined ? '' : `: ${request.answer}`;
  return new SyncError(kind, code, `${line(asked)}: ${said} (status ${answer.status})${reason}`, {
    request,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

/** The error for a 2xx that cannot be believed, and why: a write's effect is unknown, a read is tried again. */
export function unbelievable(asked: Asked, answer: HttpAnswer, why: string): SyncError {
  const kind = asked.method === 'GET' ? 'transient' : 'unknown';
  const said = `Omni answered ${answer.status}, but its body cannot be believed: ${why}`;
  const hint = 'something between here and Omni may have answered in its place';
  // What is no page of HTML may be a list of people.
  const shown = answer.body.trimStart().startsWith('<') ? answer : { ...answer, body: '' };
  const request = failedRequest(asked, shown);
  return new SyncError(kind, 'omni.unbelievable', `${line(asked)}: ${said}; ${hint}`, { request });
}

/** The error for a request that got no whole answer. Only a POST that may have been sent has an unknown effect. */
export function failureError(asked: Asked, failure: HttpFailure): SyncError {
  if (failure.code === 'REQUEST_TOO_LARGE') return tooLarge(asked, failure);
  const unknown = asked.method === 'POST' && failure.sent;
  const kind = failure.code === 'INSECURE_URL' || failure.code === 'BAD_URL' ? 'config' : 'transient';
  const words = `${asked.path}: ${failure.message}${unknown ? '; whether it was carried out is not known' : ''}`;
  const { method, path } = asked;
  return new SyncError(unknown ? 'unknown' : kind, failureCode(failure), words, {
    cause: failure,
    request: { method, path },
  });
}

/** What this person's request would be: Omni was not asked, and asking again would make it no smaller. */
function tooLarge({ method, path }: Asked, failure: HttpFailure): SyncError {
  const mend = 'map fewer or shorter values for this person';
  const words = `${path}: ${failure.message}; ${mend}`;
  return new SyncError('refused', 'omni.too-large', words, { cause: failure, request: { method, path } });
}

function failureCode({ code, sent }: HttpFailure): string {
  if (code === 'ABORTED') return 'omni.aborted';
  if (code === 'INSECURE_URL' || code === 'BAD_URL') return 'omni.url';
  return sent ? 'omni.no-answer' : 'omni.unreached';
}

function meaning({ method, path }: Asked, status: number): Meaning {
  const known = MEANINGS[status] ?? ranged(status);
  if (known.kind === 'missing' && !/\/users\/[^/]+$/.test(path)) return NO_ENDPOINT;
  if (known.kind === 'transient' && method === 'POST') return { ...known, kind: 'unknown' };
  return known;
}

function ranged(status: number): Meaning {
  if (status >= 500) return FAILED;
  return status >= 300 && status < 400 ? REDIRECT : OTHER;
}

function keySaid(): string {
  return 'Omni does not accept the API key; an organization key of the right instance is needed, and its maker must be active';
}

function line({ method, path }: Asked): string {
  return `${method} ${path}`;
}

function failedRequest({ method, path, personal, apiKey }: Asked, { status, body }: HttpAnswer) {
  const answer = excerpt(body, personal, apiKey);
  return { method, path, status, ...(answer === undefined ? {} : { answer }) };
}
