/**
 * One reconcile: read the directory, work out what differs, write the desired states to the outbox and add a job for
 * each changed person. It writes nothing to Omni. It may be killed anywhere: the next one decides again.
 */
import { randomUUID } from 'node:crypto';
import type { Ask } from '../ledger/asks.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import { carryOut, countRun, type ReconcileDeps, type ReconcileTry, type Under } from './carry-out.ts';
import { openRead } from './read.ts';
import type { Selection } from './selection.ts';
import { basisOf } from './watermark.ts';

export type { ReconcileDeps } from './carry-out.ts';

/** Who asks without anybody having said so. */
const BY_ITSELF = new Set(['cron', 'start', 'reload', 'drift']);

/**
 * Does all that was asked of the sync so far; nothing where nothing was.
 * @throws SyncError `transient` while another reconcile of this sync runs; whatever broke it off.
 */
export async function reconcile(deps: ReconcileDeps, attempt: ReconcileTry): Promise<void> {
  const { ledger } = deps;
  const lease = await ledger.lease(deps.holder);
  if (lease === undefined) throw busy();
  try {
    const asks = await ledger.asks.open();
    if (asks.length > 0) await reconcileFor(asks, { deps, lease, attempt });
  } catch (error) {
    // One value must not keep everybody else from being read: the next try goes without it.
    if (isSyncError(error) && error.code === 'ledger.moved') {
      deps.events.trouble(error);
      await ledger.dropMoved();
    }
    throw error;
  } finally {
    await lease.release();
  }
}

/**
 * Carries out what a plan has of it, and nothing else: whatever waits from before is left as it is. Returns the run's id.
 * No ask and no job: those may be taken by a process that does not know the plan.
 * @throws SyncError as `reconcile` does.
 */
export async function reconcileOnly(
  only: Selection,
  deps: ReconcileDeps,
  signal: AbortSignal,
): Promise<string> {
  const lease = await deps.ledger.lease(deps.holder);
  if (lease === undefined) throw busy();
  try {
    return await reconcileFor([], { deps, lease, attempt: { signal, last: true }, only });
  } finally {
    await lease.release();
  }
}

function busy(): SyncError {
  return new SyncError('transient', 'reconcile.busy', 'another reconcile of this sync runs');
}

async function reconcileFor(asks: readonly Ask[], under: Under): Promise<string> {
  const { ledger } = under.deps;
  const id = randomUUID();
  const ids = asks.map((ask) => ask.id);
  await ledger.asks.begin(asks);
  await ledger.runs.begin(id, new Date());
  await noteAskers(id, asks, ledger);
  try {
    await runOnce(id, wantOf(asks), under);
    await ledger.asks.close(ids, id);
    return id;
  } catch (error) {
    const problem = problemOf(error, under);
    under.deps.events.broken({
      run: id,
      problem,
      error: error instanceof Error ? error : new Error(String(error)),
    });
    await ledger.runs.fail(id, problem, new Date());
    if (under.attempt.last) await ledger.asks.close(ids, id);
    throw error;
  }
}

interface Want {
  /** Look at everyone's link. */
  readonly full: boolean;
  /** Who changed is enough. */
  readonly changes: boolean;
}

/** The one that wants most decides. */
function wantOf(asks: readonly Ask[]): Want {
  return {
    full: asks.some(({ full }) => full),
    changes: asks.length > 0 && asks.every(({ full, changes }) => changes === true && !full),
  };
}

/** A run without such a record is the schedule's. */
async function noteAskers(run: string, asks: readonly Ask[], { audit }: Ledger): Promise<void> {
  const who = [...new Set(asks.map(({ by }) => by))].filter((by) => !BY_ITSELF.has(by)).join(', ');
  if (who === '') return;
  const entry = audit.stamp({ did: 'run', run, who });
  await audit.keep(entry, false);
  await audit.show(entry);
}

function problemOf(error: unknown, { attempt, lease }: Under): string {
  if (attempt.signal.aborted) return 'it was stopped; the next try begins afresh';
  if (lease.lost.aborted) return 'it lost its lease to another reconcile';
  return isSyncError(error) ? error.message : 'a fault of omni-sync itself; the log has its stack';
}

async function runOnce(id: string, want: Want, under: Under): Promise<void> {
  const { deps, lease, attempt } = under;
  const { ledger } = deps;
  const begun = await ledger.begin();
  // A copy from before this run lacks what it writes, also where it never ends. One that is noticed here is the next run's to mend.
  await countRun(deps);
  if (want.full) await ledger.dropMoved();
  const signal = AbortSignal.any([lease.lost, attempt.signal]);
  const basis = basisOf(deps.directory, deps.basis);
  const isAmong = want.changes && !begun.cold && basis !== undefined;
  const standing = isAmong ? await ledger.watermarks.get(basis) : undefined;
  const read = await openRead(deps.directory, standing?.at, signal);
  try {
    const among = read.kind === 'changes' ? standing : undefined;
    const before = among && { watermark: among, rejections: await ledger.rejections() };
    await carryOut({ id, full: want.full, begun, basis, read, before, signal }, under);
  } finally {
    await read.close();
  }
}
