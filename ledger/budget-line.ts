/** Waiting as the budget's callers do: in the order of asking, one at the head at a time, until aborted. Knows no Redis. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Runs work one at a time, first come first served; who is aborted while waiting leaves the others in order. */
type Line = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

export function createLine(): Line {
  let last: Promise<void> = Promise.resolve();
  return async (work, signal) => {
    const before = last;
    let leave = () => {};
    last = new Promise((resolve) => {
      leave = resolve;
    });
    try {
      await abortable(before, signal);
      return await work();
    } finally {
      void before.then(leave);
    }
  };
}

/** The promise's outcome, or the signal's reason as soon as it is aborted. */
export async function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  // Every waiter of a process listens to one signal, the one that stops it: no leak, whatever their number.
  setMaxListeners(0, signal);
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Sleeps; throws the signal's reason as soon as it is aborted. */
export async function nap(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
}
