/**
 * What each kind of error means for the person and for their job: one table, checked by the compiler, so that a new
 * kind cannot be forgotten. Nothing else decides what a failed apply leads to.
 */
import { type ErrorKind, isSyncError, SyncError } from '../model/errors.ts';

/**
 * retry: the job waits its backoff and spends an attempt; past the last one, the next reconcile tries again.
 * requeue: the job goes back as it was, no attempt spent; the budget says when.
 * setAside: the person waits for another desired state, or for an operator.
 */
export type Consequence = 'retry' | 'requeue' | 'setAside';

const OUTCOME = {
  transient: 'retry',
  throttled: 'requeue',
  unknown: 'retry',
  missing: 'retry',
  conflict: 'setAside',
  refused: 'setAside',
  unauthorized: 'requeue',
  incomplete: 'retry',
  unsafe: 'setAside',
  config: 'retry',
} as const satisfies Record<ErrorKind, Consequence>;

/** Redis is there, but takes no writes now: it is full, its disk is, or it fails over. Nobody's fault, and it heals. */
const REDIS_REFUSES = /^(OOM|MISCONF|READONLY|LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|NOREPLICAS|BUSY) /;

/** The error as the table knows it. */
export function namedError(error: unknown): unknown {
  const word = error instanceof Error ? REDIS_REFUSES.exec(error.message)?.[1] : undefined;
  if (word === undefined || isSyncError(error)) return error;
  return new SyncError(
    'transient',
    'redis.refuses',
    `Redis takes no writes now (${word}): give it memory or disk, or wait for its failover`,
    { cause: error },
  );
}

/** The consequence of an error of apply. What is no SyncError is a bug: the person is set aside, the stack is kept. */
export function consequenceOf(error: unknown): Consequence {
  return isSyncError(error) ? OUTCOME[error.kind] : 'setAside';
}
