/** The loops that work on queues, and those of BullMQ's own whose work is broken off where the gate shuts or they end. */
import type { Queue, Worker } from 'bullmq';
import { type Gate, shut } from './gate.ts';
import { watchOwed } from './owed.ts';

/** Something that runs until it is stopped. */
export interface Running {
  stop(): Promise<void>;
}

/** One of the loops that work on a queue. */
export interface Loop extends Running {
  /** How long the queue has owed it an answer by now, in milliseconds; asked every few seconds. */
  owedMs(): Promise<number>;
  /** Lets go of a queue that owes an answer; what is under way is finished. */
  abandon(): Promise<void>;
}

/** Does the work of one job. @throws SyncError `transient` while the gate is shut, and whatever `work` throws. */
export type Attempt = (
  work: (signal: AbortSignal, isEnding: () => boolean) => Promise<void>,
) => Promise<void>;

export interface Gated {
  readonly queue: Queue;
  readonly gate: Gate;
}

/** Opens a worker of `queue`, whose handler does its work by the attempt that `open` is given. */
export function openLoop({ queue, gate }: Gated, open: (attempt: Attempt) => Pick<Worker, 'close'>): Loop {
  const attempts = new Set<AbortController>();
  const owed = watchOwed(queue);
  let ended = false;
  const worker = open(async (work) => {
    const attempt = new AbortController();
    attempts.add(attempt);
    if (ended) attempt.abort();
    try {
      // What asked for it stands: another job for it is added in time.
      if (!gate.mayReconcile()) throw shut();
      await work(attempt.signal, () => ended);
    } finally {
      attempts.delete(attempt);
      owed.answered();
    }
  });
  const breakOff = () => {
    for (const attempt of attempts) attempt.abort();
  };
  const forget = gate.onShut(breakOff);
  const end = (force: boolean) => {
    ended = true;
    forget();
    breakOff();
    return worker.close(force);
  };
  return {
    owedMs: () => owed.ms(attempts.size > 0),
    abandon: () => end(true),
    stop: () => end(false),
  };
}
