/**
 * The end of a reconcile for those who are not wanted any more: what is remembered of them is read, decided on and
 * written, and whose time has come goes to the outbox. Under another policy than `full` everything remembered is forgotten.
 */
import { addApplyJobs } from '../jobs/add.ts';
import type { StoredTombstone } from '../ledger/leavers.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import type { HeldAnswer, HeldClaim } from '../model/held.ts';
import type { LeaverCause } from '../model/leaver.ts';
import type { Policy } from '../plan/decide.ts';
import { GUARD_WINDOW_MS, type GuardLimit } from '../plan/guard.ts';
import { begunAnew, decideLeavers, type LeaversDecision } from '../plan/leavers.ts';
import type { Mapping } from '../plan/map.ts';
import type { Run } from './enqueue.ts';
import { relinkClaim } from './survey-addresses.ts';
import type { ReadEnd } from './survey-leavers.ts';

export interface LeaverRules {
  /** Milliseconds between noticing and taking away. */
  readonly graceMs: Readonly<Record<LeaverCause, number>>;
  readonly limit: GuardLimit;
}

/** What the leavers come to after a read, not written yet. */
export interface LeaversOutcome extends LeaversDecision {
  readonly at: number;
  /** The read was complete: it has said anew who is absent. */
  readonly complete: boolean;
  /** New sourceIds that may not take over accounts now. */
  readonly relinksHeld: number;
}

interface Considering {
  readonly ledger: Pick<Ledger, 'leavers'>;
  readonly rules: LeaverRules;
  readonly policy: Policy;
  readonly mapping: Pick<Mapping, 'protects'>;
  readonly ref: (sourceId: string) => string;
  /** What an operator has said of single relinks: those do not count against the guard. */
  readonly answer: (claim: HeldClaim) => HeldAnswer | undefined;
  /** When the read began, by Redis's clock, in milliseconds. */
  readonly startedAt: number;
  /** When it had ended. */
  readonly endedAt: number;
  /** What is remembered is of an older copy, or of another directory: no grace is believed to have run out. */
  readonly cold?: boolean;
}

/** Decides on the leavers of a read. Writes nothing. */
export async function considerLeavers(
  end: ReadEnd,
  { ledger, rules, policy, mapping, ref, answer, startedAt, endedAt, cold = false }: Considering,
): Promise<LeaversOutcome> {
  const [remembered, kept, counted] = await Promise.all([
    ledger.leavers.all(),
    ledger.leavers.kept(),
    ledger.leavers.passedSince(startedAt - GUARD_WINDOW_MS),
  ]);
  const tombstones = cold ? begunAnew(remembered, { ...rules, endedAt }) : remembered;
  // Nobody is taken away under another policy: only the relinks are weighed then.
  const unwelcome = (policy === 'full' ? end.leavers : [])
    .filter(({ link }) => !link.protected && !mapping.protects(link) && !kept.has(ref(link.sourceId)))
    .map(({ link, cause }) => {
      const { sourceId, omniId, userName, unreviewed } = link;
      return { sourceId, omniId, userName, cause, ...(unreviewed === true && { unseen: true }) };
    });
  const leaving = new Set(unwelcome.map(({ sourceId }) => sourceId));
  // A policy that takes nobody away ends every grace: it begins afresh when the policy is `full` again.
  const ended = end.complete || policy !== 'full';
  const isBack = (sourceId: string) => ended || end.present(sourceId) || kept.has(ref(sourceId));
  const back = new Set(
    tombstones
      .map(({ sourceId }) => sourceId)
      .filter((sourceId) => !leaving.has(sourceId) && isBack(sourceId)),
  );
  const isCounted = (sourceId: string) => counted.missing.has(ref(sourceId));
  const open = [...end.relinks].filter(([to, from]) => answer(relinkClaim(to, from)) === undefined);
  const relinks = open.flatMap(([sourceId, from]) => {
    return isCounted(sourceId) || isCounted(from.sourceId) ? [] : [sourceId];
  });
  const decision = decideLeavers({
    ...rules,
    now: startedAt,
    endedAt,
    complete: end.complete,
    unwelcome,
    back,
    tombstones,
    linked: end.active,
    relinks: relinks.length,
    recent: { missing: counted.missing.size, due: counted.due.size },
  });
  const allowed = decision.relinksAllowed;
  const missing = [...decision.passed.missing, ...(allowed ? relinks : [])];
  const passed = { ...decision.passed, missing };
  return {
    ...decision,
    passed,
    at: startedAt,
    complete: end.complete,
    relinksHeld: allowed ? 0 : open.length,
  };
}

/**
 * Writes the decision, and after a complete read gives those whose time has come to the workers: after another one they
 * wait on as they did, with the configuration and the time of the read that said so.
 */
export async function writeLeavers(outcome: LeaversOutcome, run: Run): Promise<void> {
  const { ledger, queues } = run.deps;
  const { lease, ref } = run;
  const remembered = outcome.tombstones.map((tombstone) => ({ ...tombstone, ref: ref(tombstone.sourceId) }));
  const passed = { missing: outcome.passed.missing.map(ref), due: outcome.passed.due.map(ref) };
  const forgotten = outcome.forgotten.map(ref);
  await ledger.leavers.write({ at: outcome.at, remembered, forgotten, passed }, lease.token);
  const leaving = outcome.complete ? remembered.filter(({ stage }) => stage === 'leaving') : [];
  await ledger.outbox.put(
    leaving.map((tombstone) => leaveRow(tombstone, outcome.at, run)),
    lease.token,
  );
  const open = leaving.filter((one) => run.aside.get(one.ref) !== leaveVersion(one));
  await addApplyJobs(
    queues.apply,
    open.map((one) => ({ ref: one.ref, kind: 'deactivate', urgency: 'due' })),
  );
}

function leaveRow(tombstone: StoredTombstone, at: number, run: Run): OutboxRow {
  const { ref, sourceId, omniId, cause } = tombstone;
  const { stamp } = run.deps;
  return {
    ref,
    sourceId,
    version: leaveVersion(tombstone),
    protected: false,
    run: run.id,
    leave: { omniId, cause, at },
    ...(stamp !== undefined && { stamp }),
  };
}

/** Under which version the outbox has a removal. */
export function leaveVersion({ since, cause }: Pick<StoredTombstone, 'since' | 'cause'>): string {
  return `leave-${since}-${cause}`;
}
