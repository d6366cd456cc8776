/** Carrying out a plan: a reconcile that lets through what is as it was planned, and workers that take nothing else. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openApplyWorker } from '../jobs/queues.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { PlannedSync } from '../plan/plan-file.ts';
import { createGate } from './gate.ts';
import type { Running } from './job-loop.ts';
import { plannedJobs } from './planned-jobs.ts';
import { reconcileOnly } from './reconcile.ts';
import { type LeftRow, type Selection, selectPlanned } from './selection.ts';
import { applying, type SyncParts } from './sync.ts';

/** Between two tries while another reconcile runs, in milliseconds. */
const BUSY_MS = 500;

/** What has come of a plan. */
export interface PlanResult {
  /** Rows that were to be carried out. */
  readonly planned: number;
  /** Those that are in Omni now, the ones among them that were already. */
  readonly inOmni: number;
  readonly already: number;
  /** Not as they were planned, and why. */
  readonly left: readonly LeftRow[];
  /** Refused, or not carried out yet. */
  readonly failed: readonly LeftRow[];
  /** What is to be done and is not in the plan. */
  readonly notInPlan: readonly LeftRow[];
}

export interface PlanUnderWay {
  readonly run: string;
  /** How many are not in Omni yet. */
  waiting(): number;
  result(): Promise<PlanResult>;
  stop(): Promise<void>;
}

/**
 * Decides again, and begins to carry out what is still as it was planned.
 * @throws SyncError `config` `plan.identity` for a plan of something else; whatever breaks the reconcile off.
 */
export async function startPlanned(
  parts: SyncParts,
  planned: PlannedSync,
  signal: AbortSignal,
): Promise<PlanUnderWay> {
  assertSame(parts, planned);
  const { selection, run } = await reconciled(parts, planned, signal);
  const { ref } = await parts.ledger.begin();
  const refs = new Map(selection.taken.map((row) => [ref(row.sourceId), row]));
  const worker = openApplyWorker(parts.queueOptions);
  const jobs = plannedJobs(worker, [...refs.keys()], { ledger: parts.ledger, queue: parts.queues.apply });
  const running: Running = applying(parts, { worker, source: jobs, gate: createGate() });
  return {
    run,
    waiting: () => jobs.pending.size,
    result: () => resultOf(planned, { selection, refs, parts }),
    stop: () => running.stop(),
  };
}

function assertSame({ name, ledger: { identity } }: SyncParts, planned: PlannedSync): void {
  if (JSON.stringify(identity) === JSON.stringify(planned.identity)) return;
  throw new SyncError(
    'config',
    'plan.identity',
    `sync ${name}: the plan was made for another Omni, directory or users.id than this configuration names; make a new one with \`omni-sync plan --out FILE\``,
  );
}

async function reconciled(parts: SyncParts, planned: PlannedSync, signal: AbortSignal) {
  for (;;) {
    const selection = selectPlanned(planned, parts);
    try {
      return { selection, run: await reconcileOnly(selection, parts, signal) };
    } catch (error) {
      if (!isSyncError(error) || error.code !== 'reconcile.busy') throw error;
      await sleep(BUSY_MS, undefined, { signal });
    }
  }
}

interface Carried {
  readonly selection: Selection;
  readonly refs: ReadonlyMap<string, Selection['taken'][number]>;
  readonly parts: SyncParts;
}

async function resultOf({ changes }: PlannedSync, { selection, refs, parts }: Carried): Promise<PlanResult> {
  const { ledger } = parts;
  const { left, done, unplanned } = selection;
  const aside = new Map((await ledger.quarantine.all()).map((one) => [one.ref, one]));
  const failed: LeftRow[] = [];
  for (const [ref, { sourceId, userName, kind }] of refs) {
    if ((await ledger.outbox.get(ref)) === undefined) continue;
    const why = aside.get(ref)?.message ?? 'it waits still; the next run carries it out';
    failed.push({ sourceId, userName, kind, why });
  }
  return {
    planned: changes.filter(({ kind }) => kind !== 'withhold').length,
    inOmni: refs.size - failed.length + done.length,
    already: done.length,
    left,
    failed,
    notInPlan: unplanned,
  };
}
