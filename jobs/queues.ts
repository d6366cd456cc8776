/**
 * The two queues of a sync and what travels in them: asks for a reconcile, and refs of people to apply. Handlers live
 * in worker/; a job never carries a person's data.
 */
import { type Job, type JobsOptions, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';

export interface ApplyJob {
  readonly ref: string;
}

/** A reconcile job, or one that looks people up, says nothing: what was asked stands in the ledger. */
export type ReconcileJob = Record<string, never>;

/** A verify job says nothing either. */
export type VerifyJob = Record<string, never>;

/** How long a job's lock outlives its worker, and how often the dead are looked for: redelivery within 15 s. */
export const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 5_000;
/** A job that has ended its worker's process so many times more is failed, not given out again. */
const MAX_STALLED = 2;
/** How long an idle worker waits on Redis before it looks round, in seconds; also bounds a graceful stop. */
const IDLE_SECONDS = 1;

/**
 * What takes the next slot first: 1 is most urgent. BullMQ's own "no priority" (0) is not used. planned: the next one of a
 * plan that is being carried out; one at a time is raised to it.
 */
export const PRIORITY = { planned: 1, hand: 2, due: 3, create: 4, change: 5, bulk: 6 } as const;

export type Urgency = keyof typeof PRIORITY;

/** Attempts of one apply job: 2, 4, 8 … 128 s apart, jittered; past them the next reconcile tries again. */
export const APPLY_ATTEMPTS = 8;

/** The states of a job that is still to be done, or is being done. */
export const UNDER_WAY = ['waiting', 'prioritized', 'delayed', 'active'] as const;
const APPLY_BACKOFF_MS = 2_000;
const FAILED_KEPT = { age: 7 * 24 * 3600, count: 1_000 } as const;

export interface Queues {
  readonly apply: Queue<ApplyJob>;
  readonly reconcile: Queue<ReconcileJob>;
  /** Verify passes: a queue of their own, since one may take hours in which reconciles go on. */
  readonly verify: Queue<VerifyJob>;
  close(): Promise<void>;
}

export interface QueueOptions {
  readonly redis: Redis;
  /** The sync's hash tag, shared with the ledger so that both live on one slot of a cluster. */
  readonly prefix: string;
  /** Only to look: BullMQ notes nothing of its own. */
  readonly readOnly?: boolean;
}

/** Opens the queues for adding and looking. `onError` is told what befalls their connection, which else lands on stderr. */
export function openQueues(
  { redis, prefix, readOnly = false }: QueueOptions,
  onError: (error: Error) => void,
): Queues {
  const options = { connection: redis, prefix, skipMetasUpdate: readOnly };
  const apply = new Queue<ApplyJob>('apply', options);
  const reconcile = new Queue<ReconcileJob>('reconcile', options);
  const verify = new Queue<VerifyJob>('verify', options);
  for (const queue of [apply, reconcile, verify]) queue.on('error', onError);
  return {
    apply,
    reconcile,
    verify,
    async close() {
      await Promise.all([apply.close(), reconcile.close(), verify.close()]);
    },
  };
}

/** Whether something is to be sent to Omni now, or nothing may be. */
export async function isBusy({ apply }: Queues): Promise<boolean> {
  const [paused, jobs] = await Promise.all([
    apply.isPaused(),
    apply.getJobCountByTypes('waiting', 'prioritized', 'active'),
  ]);
  return paused || jobs > 0;
}

const workerOptions = ({ redis, prefix }: QueueOptions) => ({
  connection: redis,
  prefix,
  lockDuration: LOCK_MS,
  stalledInterval: STALLED_CHECK_MS,
  maxStalledCount: MAX_STALLED,
  drainDelay: IDLE_SECONDS,
});

/** A worker of the apply queue that takes nothing by itself: jobs are fetched one at a time by worker/dispatch.ts. */
export function openApplyWorker(options: QueueOptions): Worker<ApplyJob> {
  return new Worker<ApplyJob>('apply', null, { ...workerOptions(options), autorun: false });
}

/** A worker that runs `handle` for each job of the reconcile queue: at most one reconcile, and beside it one look-up of people. */
export function openReconcileWorker(
  options: QueueOptions,
  handle: (job: Job<ReconcileJob>) => Promise<void>,
): Worker<ReconcileJob> {
  return new Worker<ReconcileJob>('reconcile', handle, { ...workerOptions(options), concurrency: 2 });
}

/** A worker that runs `handle` for each verify job, one at a time. */
export function openVerifyWorker(options: QueueOptions, handle: () => Promise<void>): Worker<VerifyJob> {
  return new Worker<VerifyJob>('verify', handle, { ...workerOptions(options), concurrency: 1 });
}

/** At most one job waits for a person, and at most one more is kept while one runs. */
export function applyJobOptions(ref: string, urgency: Urgency): JobsOptions {
  return {
    priority: PRIORITY[urgency],
    attempts: APPLY_ATTEMPTS,
    backoff: { type: 'exponential', delay: APPLY_BACKOFF_MS, jitter: 0.5 },
    removeOnComplete: true,
    removeOnFail: FAILED_KEPT,
    deduplication: { id: ref, keepLastIfActive: true },
  };
}

/** Many asks make one reconcile; an ask that comes while one runs makes one more. */
export const RECONCILE_JOB: JobsOptions = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1_000 },
  removeOnComplete: true,
  removeOnFail: FAILED_KEPT,
  deduplication: { id: 'reconcile', keepLastIfActive: true },
};

/** One pass at a time; a tick that comes while one runs adds none. A pass that its process did not survive begins again. */
export const VERIFY_JOB: JobsOptions = {
  removeOnComplete: true,
  removeOnFail: FAILED_KEPT,
  deduplication: { id: 'verify' },
};

/** Many asks for people make one job; one that comes while it runs makes one more. It never waits behind a reconcile. */
export const PERSON_JOB: JobsOptions = {
  ...RECONCILE_JOB,
  deduplication: { id: 'person', keepLastIfActive: true },
};
