/** One sync, put together: everything that belongs to one directory and one Omni, and what may be started of it. */
import { setMaxListeners } from 'node:events';
import type { Worker } from 'bullmq';
import type { Directory } from '../directory/directory.ts';
import { addPersonJob, addReconcileJob, hastenDelayed } from '../jobs/add.ts';
import {
  type ApplyJob,
  openApplyWorker,
  openReconcileWorker,
  type QueueOptions,
  type Queues,
} from '../jobs/queues.ts';
import type { NewAsk } from '../ledger/asks.ts';
import type { HostBudget } from '../ledger/budget.ts';
import type { Ledger, Slot } from '../ledger/ledger.ts';
import type { Budget } from '../model/budget.ts';
import { isSyncError } from '../model/errors.ts';
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
import { type Loop, openLoop } from './job-loop.ts';
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

/** How long a stop lets requests finish before it cuts them off, in milliseconds: the service ends within 30 s. */
const FINISH_MS = 20_000;

/** Asks for a reconcile, or for one person: the one door that cron, HTTP and the commands all use. */
export async function ask({ ledger, queues }: SyncParts, about: NewAsk): Promise<string> {
  const id = await ledger.asks.add(about);
  if (about.person === undefined) await addReconcileJob(queues);
  // Also for whoever was asked for before and has no job: a death between the two, or tries that all came while the gate was shut.
  if ((await ledger.asks.people()).length > 0) await addPersonJob(queues);
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
      onSetBack: () => hastenWaiting(parts),
      onTrouble: parts.events.trouble,
    });
  const clocks = [clock('schedule', expression, tellsChanges ? { ...about, changes: true } : about)];
  if (tellsChanges) clocks.push(clock('fullSchedule', full, about));
  // It may have been set back while nobody ran.
  void hastenWaiting(parts).catch(parts.events.trouble);
  return together(clocks);
}

/** BullMQ keeps until when a job waits by a host's clock: where that was set back, by hours perhaps, nothing would be read for so long. */
async function hastenWaiting({ queues }: SyncParts): Promise<void> {
  await hastenDelayed(queues.reconcile);
  await hastenDelayed(queues.apply);
}

/** One replica acts on a slot of a schedule. */
async function tick(
  parts: SyncParts,
  { name, slot, asked }: { name: string; slot: Slot; asked: NewAsk },
): Promise<void> {
  if (!(await parts.ledger.claimTick(name, slot, parts.holder))) return;
  await ask(parts, asked).catch(async (error: unknown) => {
    await parts.ledger.releaseTick(name, slot);
    throw error;
  });
}

/** Runs the reconciles that anyone asks for, and beside them looks up single people. */
export function startReconciling(parts: SyncParts, gate: Gate = createGate()): Loop {
  const { events, queueOptions } = parts;
  return openLoop({ queue: parts.queues.reconcile, gate }, (attempt) => {
    const worker = openReconcileWorker(queueOptions, (job) =>
      attempt(async (signal) => {
        const last = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
        const isPerson = job.name === 'person';
        const work = isPerson ? resyncPeople : reconcile;
        await work(parts, { signal, last }).catch((error: unknown) => {
          // A reconcile tells what broke it off, and another one that runs is none of its business.
          if (isPerson && isSyncError(error)) events.trouble(error);
          throw keptError(error, events);
        });
      }),
    );
    hear(worker, events);
    return worker;
  });
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
