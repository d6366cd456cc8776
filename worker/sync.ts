/** One sync, put together: everything that belongs to one directory and one Omni, and what may be started of it. */
import { setMaxListeners } from 'node:events';
import type { Worker } from 'bullmq';
import type { Directory } from '../directory/directory.ts';
import { addPersonJob, addReconcileJob } from '../jobs/add.ts';
import {
  type ApplyJob,
  openApplyWorker,
  openReconcileWorker,
  type QueueOptions,
  type Queues,
} from '../jobs/queues.ts';
import type { NewAsk } from '../ledger/asks.ts';
import type { HostBudget } from '../ledger/budget.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Budget } from '../model/budget.ts';
import { SyncError } from '../model/errors.ts';
import type { Omni } from '../omni/client.ts';
import type { Rules } from '../plan/decide.ts';
import type { DriftRules } from '../plan/drift.ts';
import type { Fingerprint } from '../plan/fingerprint.ts';
import type { Rate } from '../plan/forecast.ts';
import type { Mapping } from '../plan/map.ts';
import { handleApplyJob } from './apply-job.ts';
import { dispatch, type JobSource } from './dispatch.ts';
import type { Events } from './events.ts';
import type { LeavingRules } from './finish.ts';
import { createGate, type Gate } from './gate.ts';
import { keptError } from './job-error.ts';
import type { LeaverRules } from './leavers.ts';
import { reconcile } from './reconcile.ts';
import { resyncPeople } from './resync.ts';
import { type Schedule, type Schedules, schedule, together } from './schedule.ts';

/** What a sync is made of; compose.ts makes it. */
export interface SyncParts {
  readonly name: string;
  readonly schedule: Schedules;
  readonly directory: Directory;
  /** Stands for whatever of the configuration a full read is needed after. */
  readonly basis: string;
  readonly mapping: Mapping;
  readonly fingerprint: Fingerprint;
  readonly rules: Rules;
  readonly leaving: LeavingRules;
  /** Grace and guard. */
  readonly leaverRules: LeaverRules;
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly queueOptions: QueueOptions;
  readonly omni: Omni;
  readonly budget: HostBudget;
  /** What nobody else wants of it, for verify passes. */
  readonly slack: Budget;
  readonly verifySchedule?: string | undefined;
  readonly driftRules: DriftRules;
  readonly events: Events;
  readonly holder: string;
  /** A short hash of what the desired states depend on. */
  readonly stamp: string;
  /** What Omni's limits allow, for forecasts. */
  readonly rate: Rate;
  /** Apply jobs under way at once in this process. */
  readonly concurrency: number;
}

export type Role = 'scheduler' | 'worker';

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

/** How long a stop lets requests finish before it cuts them off, in milliseconds: the service ends within 30 s. */
const FINISH_MS = 20_000;

/** Asks for a reconcile, or for one person: the one door that cron, HTTP and the commands all use. */
export async function ask({ ledger, queues }: SyncParts, about: NewAsk): Promise<string> {
  const id = await ledger.asks.add(about);
  if (about.person === undefined) await addReconcileJob(queues);
  else await addPersonJob(queues);
  return id;
}

/**
 * Starts ticking; the reconciles that it asks for run where `startReconciling` runs. With a schedule for full reads, and
 * a directory that can tell who changed, the other one asks for changes alone; else everybody is read on each.
 */
export function startSchedule(parts: SyncParts): Schedule {
  const { expression, full, timezone } = parts.schedule;
  const tellsChanges = full !== undefined && parts.directory.changes !== undefined;
  const about = { by: 'cron', full: false };
  const clock = (name: string, when: string, asked: NewAsk) =>
    schedule({
      expression: when,
      timezone,
      onTick: (slot) => tick(parts, { name, slot, asked }),
      onTrouble: parts.events.trouble,
    });
  const clocks = [clock('schedule', expression, tellsChanges ? { ...about, changes: true } : about)];
  if (tellsChanges) clocks.push(clock('fullSchedule', full, about));
  return together(clocks);
}

/** One replica acts on a slot of a schedule. */
async function tick(
  parts: SyncParts,
  { name, slot, asked }: { name: string; slot: number; asked: NewAsk },
): Promise<void> {
  if (!(await parts.ledger.claimTick(name, slot))) return;
  await ask(parts, asked).catch(async (error: unknown) => {
    await parts.ledger.releaseTick(name, slot);
    throw error;
  });
}

/** Runs the reconciles that anyone asks for, and beside them looks up single people. */
export function startReconciling(parts: SyncParts, gate: Gate = createGate()): Loop {
  const attempts = new Set<AbortController>();
  let ended = false;
  let idleSince = performance.now();
  const worker = openReconcileWorker(parts.queueOptions, async (job) => {
    // The ask stands: the schedule adds another job for it.
    if (!gate.mayReconcile()) throw shut();
    const attempt = new AbortController();
    attempts.add(attempt);
    if (ended) attempt.abort();
    const last = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
    const work = job.name === 'person' ? resyncPeople : reconcile;
    try {
      await work(parts, { signal: attempt.signal, last });
    } catch (error) {
      throw keptError(error, parts.events);
    } finally {
      attempts.delete(attempt);
      idleSince = performance.now();
    }
  });
  hear(worker, parts.events);
  let waitingSince: number | undefined;
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
    // BullMQ's own loop does not show itself: but a job that waits while nobody here works is one that it did not take.
    async owedMs() {
      const waits = (await parts.queues.reconcile.getJobCountByTypes('waiting', 'prioritized')) > 0;
      waitingSince = waits ? (waitingSince ?? performance.now()) : undefined;
      if (attempts.size > 0 || waitingSince === undefined) return 0;
      return performance.now() - Math.max(idleSince, waitingSince);
    },
    abandon: () => end(true),
    stop: () => end(false),
  };
}

function shut(): SyncError {
  return new SyncError(
    'transient',
    'redis.closed',
    'nothing new is written to Redis now: it would drop what it is given, or is nearly full; the log says which',
  );
}

/** Carries changes to Omni. */
export function startApplying(parts: SyncParts, gate: Gate = createGate()): Loop {
  const worker = openApplyWorker(parts.queueOptions);
  return applying(parts, { worker, source: worker, gate });
}

export interface ApplyingOptions {
  readonly worker: Worker<ApplyJob>;
  /** What gives the jobs; it may be the worker. */
  readonly source: JobSource;
  readonly gate: Gate;
}

/** Carries the changes to Omni whose jobs `source` gives, until it is stopped; `worker` is closed with it. */
export function applying(parts: SyncParts, { worker, source, gate }: ApplyingOptions): Loop {
  const ending = new AbortController();
  // Every call under way listens to it, and there may be as many as jobs at once.
  setMaxListeners(0, ending.signal);
  hear(worker, parts.events);
  const dispatcher = dispatch({
    worker: source,
    budget: parts.budget,
    concurrency: parts.concurrency,
    handle: (job, token, spending) =>
      handleApplyJob({ job, token, spending }, { ...parts, signal: ending.signal }),
    onTrouble: parts.events.trouble,
    mayTake: gate.mayApply,
  });
  return {
    owedMs: async () => dispatcher.owedMs(),
    async abandon() {
      await dispatcher.abandon();
      await worker.close(true);
    },
    async stop() {
      const cutting = setTimeout(() => ending.abort(), FINISH_MS);
      await dispatcher.stop();
      clearTimeout(cutting);
      await worker.close();
    },
  };
}

function hear(worker: Pick<Worker, 'on'>, events: Events): void {
  worker.on('error', (error) => events.trouble(error));
}
