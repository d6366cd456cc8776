/**
 * One call to Omni: a turn of the budget for every request, and retries of what heals in seconds. A POST is never
 * repeated unless it was refused for its rate or provably never sent.
 */
import pRetry from 'p-retry';
import { type Http, type HttpAnswer, HttpFailure, type HttpRequest } from '../http/http.ts';
import type { Budget, CallVerdict, Turn } from '../model/budget.ts';
import { isSyncError } from '../model/errors.ts';
import { type Asked, answerError, failureError, unbelievable } from './errors.ts';
import { retryAfterMs } from './retry-after.ts';
import type { Read } from './wire.ts';

/** How what heals in seconds is tried again. `minTimeout` is the first wait in milliseconds, before jitter. */
export interface CallRetry {
  readonly retries: number;
  readonly minTimeout: number;
}

/** Where calls go and what they spend. */
export interface Line {
  /** The instance's root, without a trailing slash. */
  readonly root: string;
  readonly http: Http;
  readonly budget: Budget;
  readonly retry: CallRetry;
}

export interface Call<T> {
  readonly method: HttpRequest['method'];
  readonly path: string;
  /** Encoded, with its question mark. */
  readonly query?: string;
  readonly body?: unknown;
  /** The values of people in the query or body. */
  readonly personal?: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Reads the body of a 2xx. */
  read(body: string): Read<T>;
}

/** How often a request is sent again after a 429; the budget makes each wait. */
const MAX_THROTTLED = 3;

const HEALS_IN_SECONDS = new Set([408, 502, 503, 504]);

interface Answered {
  readonly asked: Asked;
  readonly answer: HttpAnswer;
}

/**
 * Makes a call and reads its answer.
 * @throws SyncError of every kind of omni/errors.ts; the signal's reason where it was aborted before anything was sent.
 */
export async function call<T>(line: Line, request: Call<T>): Promise<T> {
  const { asked, answer } = await retried(line, request);
  const read = request.read(answer.body);
  if ('why' in read) throw unbelievable(asked, answer, read.why);
  return read.value;
}

async function retried<T>(line: Line, request: Call<T>): Promise<Answered> {
  let answered: Answered | undefined;
  const attempt = async () => {
    answered = await throttled(line, request);
  };
  try {
    await pRetry(attempt, {
      ...line.retry,
      randomize: true,
      shouldRetry: ({ error }) => healsInSeconds(error),
      ...(request.signal ? { signal: request.signal } : {}),
    });
  } catch (error) {
    // p-retry drops an answer that an abort overtakes; what Omni did is worth more than the abort.
    if (answered === undefined) throw error;
  }
  if (answered === undefined) throw new TypeError('a call ended without an answer');
  return answered;
}

/** Sends until the answer is no 429, then throws what is no 2xx. */
async function throttled<T>(line: Line, request: Call<T>): Promise<Answered> {
  for (let again = 0; ; again += 1) {
    const { asked, answer } = await sent(line, request);
    if (answer.status >= 200 && answer.status < 300) return { asked, answer };
    if (answer.status !== 429 || again === MAX_THROTTLED) throw answerError(asked, answer, Date.now());
  }
}

/** One turn, one request, one verdict. */
async function sent<T>(line: Line, request: Call<T>): Promise<Answered> {
  const { method, path, query = '', body, signal, personal = [] } = request;
  signal?.throwIfAborted();
  const turn = await line.budget.turn(signal);
  const asked: Asked = { method, path, personal, apiKey: turn.apiKey };
  const answer = await settled(turn, () =>
    line
      .http({
        method,
        url: `${line.root}${path}${query}`,
        headers: {
          authorization: `Bearer ${turn.apiKey}`,
          accept: 'application/scim+json, application/json',
        },
        ...(body === undefined ? {} : { body }),
        ...(signal ? { signal } : {}),
      })
      .catch((error: unknown) => {
        throw error instanceof HttpFailure ? failureError(asked, error) : error;
      }),
  );
  return { asked, answer };
}

async function settled(turn: Turn, send: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
  let verdict: CallVerdict = { kind: 'failed' };
  try {
    const answer = await send();
    verdict = verdictOf(answer);
    return answer;
  } catch (error) {
    // A request that is refused before it is sent says nothing of the host.
    if (isSyncError(error, 'refused')) verdict = { kind: 'answered' };
    throw error;
  } finally {
    await turn.settle(verdict);
  }
}

function verdictOf({ status, headers }: HttpAnswer): CallVerdict {
  if (status === 401 || status === 403) return { kind: 'unauthorized' };
  if (status >= 500) return { kind: 'failed' };
  if (status !== 429) return { kind: 'answered' };
  const wait = retryAfterMs(headers, Date.now());
  return wait === undefined ? { kind: 'throttled' } : { kind: 'throttled', retryAfterMs: wait };
}

/**
 * Whether another try within seconds may help. Only `transient` ones: a POST is transient only where it was never sent
 * (omni/errors.ts). Where Omni says how long to wait, the wait is the queue's.
 */
function healsInSeconds(error: Error): boolean {
  if (!isSyncError(error, 'transient') || error.code === 'omni.aborted' || error.retryAfterMs !== undefined)
    return false;
  const status = error.request?.status;
  return status === undefined || HEALS_IN_SECONDS.has(status);
}
