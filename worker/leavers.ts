/**
 * The end of a reconcile for those who are not wanted any more: what is remembered of them is read, decided on and
 * written, and whose time has come goes to the outbox. Under another policy than `full` nothing of this happens.
 */
import { addApplyJobs } from '../jobs/add.ts';
import type { StoredTombstone } from '../ledger/leavers.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import type { LeaverCause } from '../model/leaver.ts';
import type { Policy } from '../plan/decide.ts';
import { GUARD_WINDOW_MS, type GuardLimit } from '../plan/guard.ts';
import { decideLeavers, type LeaversDecision } from '../plan/leavers.ts';
import type { Run } from './enqueue.ts';
import type { ReadEnd } from './survey-end.ts';

export interface LeaverRules {
  /** Milliseconds between noticing and taking away. */
  readonly graceMs: Readonly<Record<LeaverCause, number>>;
  readonly limit: GuardLimit;
}

/** What the leavers come to after a read, not written yet. */
export interface LeaversOutcome extends LeaversDecision {
  readonly at: number;
}

interface Considering {
  readonly ledger: Ledger;
  readonly rules: LeaverRules;
  readonly policy: Policy;
  readonly ref: (sourceId: string) => string;
  /** When the read began, by Redis's clock, in milliseconds. */
  readonly startedAt: number;
}

/** Decides on the leavers of a read. Writes nothing. */
export async function considerLeavers(
  end: ReadEnd,
  { ledger, rules, policy, ref, startedAt }: Considering,
): Promise<LeaversOutcome> {
  const [tombstones, kept, recent] = await Promise.all([
    ledger.leavers.all(),
    ledger.leavers.kept(),
    ledger.leavers.passedSince(startedAt - GUARD_WINDOW_MS),
  ]);
  // Nobody is taken away under another policy: only the relinks are weighed then.
  const unwelcome = (policy === 'full' ? end.leavers : [])
    .filter(({ link }) => !link.protected && !kept.has(ref(link.sourceId)))
    .map(({ link, cause }) => {
      const { sourceId, omniId, userName, unreviewed } = link;
      return { sourceId, omniId, userName, cause, ...(unreviewed === true && { unseen: true }) };
    });
  const leaving = new Set(unwelcome.map(({ sourceId }) => sourceId));
  const gone = (sourceId: string) => end.complete || end.present(sourceId) || kept.has(ref(sourceId));
  const back = new Set(
    tombstones.map(({ sourceId }) => sourceId).filter((sourceId) => !leaving.has(sourceId) && gone(sourceId)),
  );
  const { complete, active: linked, relinks } = end;
  const about = { now: startedAt, complete, unwelcome, back, tombstones, linked, relinks, recent };
  return { ...decideLeavers({ ...about, ...rules }), at: startedAt };
}

/** Writes the decision, and gives those whose time has come to the workers. */
export async function writeLeavers(outcome: LeaversOutcome, run: Run): Promise<void> {
  const { ledger, queues } = run.deps;
  const { lease, ref } = run;
  const remembered = outcome.tombstones.map((tombstone) => ({ ...tombstone, ref: ref(tombstone.sourceId) }));
  const passed = { missing: outcome.passed.missing.map(ref), due: outcome.passed.due.map(ref) };
  const forgotten = outcome.forgotten.map(ref);
  await ledger.leavers.write({ at: outcome.at, remembered, forgotten, passed }, lease.token);
  const leaving = remembered.filter(({ stage }) => stage === 'leaving');
  await ledger.outbox.put(
    leaving.map((tombstone) => leaveRow(tombstone, run)),
    lease.token,
  );
  const open = leaving.filter((one) => run.aside.get(one.ref) !== versionOf(one));
  await addApplyJobs(
    queues.apply,
    open.map((one) => ({ ref: one.ref, kind: 'deactivate', urgency: 'due' })),
  );
}

function leaveRow(tombstone: StoredTombstone, run: Run): OutboxRow {
  const { ref, sourceId, omniId, cause } = tombstone;
  return {
    ref,
    sourceId,
    version: versionOf(tombstone),
    protected: false,
    run: run.id,
    leave: { omniId, cause },
  };
}

function versionOf({ since, cause }: StoredTombstone): string {
  return `leave-${since}-${cause}`;
}
