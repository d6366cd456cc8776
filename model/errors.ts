/**
 * The error that every floor raises, and its kinds. A kind names one consequence (worker/outcome.ts holds
 * the table); a code is stable, for grep, alerts and docs. Never carries a secret, an address or a name.
 */

/**
 * | kind | raised when |
 * |---|---|
 * | transient | network, timeout, 5xx: it heals by itself |
 * | throttled | 429 |
 * | unknown | a write was sent and what came of it is not known (no answer, or one that cannot be believed) |
 * | missing | 404 on a linked account |
 * | conflict | 409, or an account that is not ours to take |
 * | refused | 400 or 422: this request will never be accepted |
 * | unauthorized | 401 or 403: the key is not accepted |
 * | incomplete | a directory read that did not reach its end |
 * | unsafe | a guard refused |
 * | config | a setting is wrong |
 */
export type ErrorKind =
  | 'transient'
  | 'throttled'
  | 'unknown'
  | 'missing'
  | 'conflict'
  | 'refused'
  | 'unauthorized'
  | 'incomplete'
  | 'unsafe'
  | 'config';

/** The request that failed, as far as it may be shown: the path is a template, the body an excerpt without addresses. */
export interface FailedRequest {
  readonly method: string;
  readonly path: string;
  readonly status?: number;
  readonly answer?: string;
}

export interface SyncErrorOptions {
  readonly cause?: unknown;
  /** How long the other side asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly request?: FailedRequest;
}

/** The one error class of the daemon; anything else that is thrown is a bug and keeps its stack. */
export class SyncError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly retryAfterMs?: number;
  readonly request?: FailedRequest;

  constructor(kind: ErrorKind, code: string, message: string, options: SyncErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SyncError';
    this.kind = kind;
    this.code = code;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options.request !== undefined) this.request = options.request;
  }
}

/** Whether `error` is a SyncError, of `kind` where one is given. */
export function isSyncError(error: unknown, kind?: ErrorKind): error is SyncError {
  return error instanceof SyncError && (kind === undefined || error.kind === kind);
}
