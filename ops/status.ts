/** How a sync stands, as `status`, `run --json` and the pages say it: one shape, counted from the ledger alone. */
import type { Queues } from '../jobs/queues.ts';
import type { HostBudget } from '../ledger/budget.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { SetAside } from '../ledger/quarantine.ts';
import type { ReadKind, RunRecord } from '../ledger/runs.ts';
import { type ChangeCounts, noChanges } from '../model/change.ts';

export interface StatusSource {
  readonly name: string;
  readonly ledger: Ledger;
  readonly budget: HostBudget;
  readonly queues: Queues;
}

/** A run as it is shown; every count a number. */
export interface RunView {
  readonly id: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** full: everybody was read. changes: who changed since the read before; nobody counts as absent from it. */
  readonly kind: ReadKind;
  readonly complete: boolean;
  /** The read came to its end: what is not complete then is the knowledge of who is absent. */
  readonly ended: boolean;
  /** Why the read was not complete, or why the run broke off. */
  readonly problem: string | null;
  readonly read: number;
  readonly changes: ChangeCounts;
  readonly applied: number;
  readonly failed: number;
  readonly held: number;
  readonly rejected: number;
  readonly leavers: number;
  readonly calls: number;
  /** People whose drift it sets back, in no count of changes. */
  readonly repairs: number;
}

export interface SyncStatus {
  readonly name: string;
  readonly run: RunView | null;
  /** People whom Omni has as the directory wants them. */
  readonly inStep: number;
  /** People with a desired state that is still to be applied, and can be. */
  readonly waiting: number;
  /** People set aside; `omni-sync failed` names them. */
  readonly failed: number;
  /** What somebody changed in Omni by hand, apart from ordinary change. */
  readonly drift: DriftView;
  /** Every API key is refused: nothing is sent until a key changes or `resume`. */
  readonly halted: boolean;
  /** Omni has not answered several times in a row: one request at a time looks whether it does again. */
  readonly unreachable: boolean;
  /** An operator paused it: nothing is sent until `resume`. */
  readonly paused: boolean;
  /** ISO 8601; null where no schedule is known. */
  readonly nextRun: string | null;
}

/** Drift as it is counted. */
export interface DriftView {
  /** People whose account differs from what was last confirmed, as far as it is not to be ignored. */
  readonly people: number;
  /** When Omni was last compared, ISO 8601; null where it never was. */
  readonly verifiedAt: string | null;
  /** Why that pass did not come to its end. */
  readonly problem: string | null;
}

/** How a sync stands, with what Omni's limits make of it. */
export interface SyncView extends SyncStatus {
  /** What all keys allow together. */
  readonly requestsPerMinute: number;
  /** Until all that waits is applied, as Omni's limits allow. */
  readonly secondsLeft: number;
}

/** Runs to look back through for one that is over, or has counted the people. */
const LOOK_BACK = 10;

/** The status of a sync now. */
export async function syncStatus(source: StatusSource, nextRun: Date | undefined): Promise<SyncStatus> {
  return (await syncProgress(source, nextRun)).status;
}

/** A sync's status, and the newest runs, newest first: the first one may have only begun. */
export interface SyncProgress {
  readonly status: SyncStatus;
  readonly runs: readonly RunRecord[];
}

/** The status of a sync now, and the runs behind it. */
export async function syncProgress(
  { name, ledger, budget, queues }: StatusSource,
  nextRun: Date | undefined,
): Promise<SyncProgress> {
  // Before who waits is counted: a run that is over has put down everybody by then.
  const runs = await ledger.runs.recent(LOOK_BACK);
  const [outbox, aside, snapshot, paused, drift] = await Promise.all([
    ledger.outbox.size(),
    ledger.quarantine.all(),
    budget.snapshot(),
    queues.apply.isPaused(),
    driftView(ledger),
  ]);
  const [run] = runs;
  const counted = runs.find(hasCounted);
  const failed = aside.filter(isSetAside).length;
  const status = {
    name,
    run: run === undefined ? null : runView(run),
    inStep: Math.max(0, (counted?.inScope ?? 0) - (counted?.asking ?? 0) - outbox),
    waiting: Math.max(0, outbox - failed),
    failed,
    drift,
    halted: snapshot.keys.length > 0 && snapshot.keys.every(({ refused }) => refused),
    unreachable: snapshot.brokenMs > 0,
    paused,
    nextRun: nextRun?.toISOString() ?? null,
  };
  return { status, runs };
}

async function driftView({ drift }: Ledger): Promise<DriftView> {
  const [people, pass] = await Promise.all([drift.count(), drift.lastPass()]);
  return { people, verifiedAt: pass?.finishedAt ?? null, problem: pass?.problem ?? null };
}

/** Whether all is in step: the last read came to its end, and nobody waits or is set aside. */
export function isInStep({ run, waiting, failed }: SyncStatus): boolean {
  return run?.ended === true && waiting === 0 && failed === 0;
}

/** A read of changes carries on from the full read before it. */
function hasCounted({ finishedAt, read, kind }: RunRecord): boolean {
  return finishedAt !== undefined && (read > 0 || kind === 'changes');
}

/** Whether nobody is about to try this person again: not before a reconcile, another desired state, or an operator. */
function isSetAside({ until }: SetAside): boolean {
  return until !== 'time';
}

/** A run's record in the shape that is shown. */
export function runView(run: RunRecord): RunView {
  const { id, startedAt, complete, ended, read, applied, failed, rejected, leavers, held, calls } = run;
  const counts = {
    read,
    changes: { ...noChanges(), ...run.changes },
    applied,
    failed,
    held,
    rejected,
    leavers,
    calls,
    repairs: run.repairs ?? 0,
  };
  return {
    id,
    startedAt,
    finishedAt: run.finishedAt ?? null,
    kind: run.kind ?? 'full',
    complete,
    ended,
    problem: run.problem ?? null,
    ...counts,
  };
}
