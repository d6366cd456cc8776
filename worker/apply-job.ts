/** One apply job from the queue: carried out, then finished in the queue as its outcome says. Never throws for an error of apply. */
import { type Job, UnrecoverableError } from 'bullmq';
import { APPLY_ATTEMPTS, type ApplyJob } from '../jobs/queues.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import type { Until } from '../ledger/quarantine.ts';
import type { Budget } from '../model/budget.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import { isJobLost } from '../model/job-lost.ts';
import type { Omni } from '../omni/client.ts';
import type { Rules } from '../plan/decide.ts';
import type { DriftRules } from '../plan/drift.ts';
import { applyPerson } from './apply.ts';
import { auditedOmni } from './audited-omni.ts';
import type { Events } from './events.ts';
import type { LeavingRules } from './finish.ts';
import { type Consequence, consequenceOf, namedError } from './outcome.ts';
import { lookingAgain, type Spending } from './spending.ts';

export interface ApplyJobDeps {
  readonly ledger: Ledger;
  readonly omni: Omni;
  readonly rules: Rules;
  readonly leaving: LeavingRules;
  readonly driftRules?: DriftRules;
  readonly events: Events;
  /** Aborted when the process must end at once. */
  readonly signal: AbortSignal;
  readonly stamp?: string;
}

/** BullMQ's jitter makes a backoff of d last between d/2 and d: before d/2 nobody tries, whatever a host's clock says. */
const SURE_BACKOFF_MS = 1_000;

/** Carries out `job`, which this worker holds with `token`. */
export async function handleApplyJob(
  { job, token, spending }: { job: Job<ApplyJob>; token: string; spending: Spending },
  deps: ApplyJobDeps,
): Promise<void> {
  const { ref } = job.data;
  let row: OutboxRow | undefined;
  let waitMs: number;
  try {
    if (job.deferredFailure) throw poison();
    const about = { audit: deps.ledger.audit, row: () => row };
    const omniOn = (budget: Budget) => auditedOmni(deps.omni.withBudget(budget), about);
    const omni = omniOn(spending);
    const omniAfter = (look: () => Promise<void>) => omniOn(lookingAgain(spending, look));
    const took = (taken: OutboxRow) => {
      row = taken;
    };
    const takeCalls = () => spending.takeCount();
    waitMs = await applyPerson(ref, { ...deps, omni, omniAfter, took, takeCalls });
  } catch (error) {
    if (isJobLost(error)) {
      const { code, message } = error;
      deps.events.setback({ ref, consequence: 'requeue', code, message, error });
      return;
    }
    row ??= await readable(deps.ledger.outbox.get(ref));
    await fail(namedError(error), { job, token, spending, row }, deps);
    return;
  }
  if (waitMs > 0) await job.moveToDelayed(Date.now() + waitMs, token);
  else await job.moveToCompleted(null, token, false);
}

/** Nothing where somebody else changed what is read: the next reconcile takes it out. */
function readable<Kept>(kept: Promise<Kept | undefined>): Promise<Kept | undefined> {
  return kept.catch((error: unknown) => {
    if (isSyncError(error, 'config')) return undefined;
    throw error;
  });
}

/** BullMQ gave the job up because its workers died over it, again and again. */
function poison(): SyncError {
  return new SyncError(
    'refused',
    'job.poison',
    'the process died several times while applying this person; look for the cause in the logs, then retry',
  );
}

interface Failed {
  readonly job: Job<ApplyJob>;
  readonly token: string;
  readonly spending: Spending;
  /** The desired state that failed; a newer one may wait already. */
  readonly row: OutboxRow | undefined;
}

async function fail(
  error: unknown,
  { job, token, spending, row }: Failed,
  deps: ApplyJobDeps,
): Promise<void> {
  const { ledger, events } = deps;
  const { ref } = job.data;
  // What breaks off because the process ends is nobody's fault: the next process does it.
  const consequence = deps.signal.aborted ? 'requeue' : consequenceOf(error);
  const told = toldOf(error);
  events.setback({ ref, ...(row && { sourceId: row.sourceId }), consequence, ...told, error: told.error });
  if (consequence === 'requeue') {
    if (row !== undefined) await ledger.runs.addCalls(row.run, spending.takeCount());
    await job.moveToWait(token);
    return;
  }
  const earlier = row && (await readable(ledger.quarantine.get(ref)));
  const again = earlier?.code === told.code && earlier.version === row?.version;
  const until = untilOf({ consequence, code: told.code, again }, job);
  if (row !== undefined) {
    const { kind, code, message, request } = told;
    const setback = {
      sourceId: row.sourceId,
      version: row.version,
      kind,
      code,
      message,
      ...(request && { request }),
      until,
    };
    const audit = { did: 'fail', sourceId: row.sourceId, fields: [], run: row.run, outcome: code };
    const about = { run: row.run, calls: spending.takeCount(), waitMs: backoffMs(until, job) };
    await ledger.quarantine.put(ref, setback, until === 'time' ? about : { ...about, audit });
  }
  // What BullMQ tries again is this very job, with the deaths that are counted against it: a reconcile adds a new one.
  const isOver = until !== 'time';
  await job.moveToFailed(isOver ? new UnrecoverableError(told.message) : told.error, token, false);
}

function toldOf(error: unknown) {
  if (isSyncError(error)) {
    const { kind, code, message, request } = error;
    return { kind, code, message, request, error };
  }
  const bug = error instanceof Error ? error : new Error(String(error));
  const message = `a fault of omni-sync itself (${bug.name}); the log has its stack`;
  return { kind: 'bug' as const, code: 'bug', message, request: undefined, error: bug };
}

interface Setback {
  readonly consequence: Consequence;
  readonly code: string;
  /** The same befell the same desired state before, and nothing else since. */
  readonly again: boolean;
}

function untilOf({ consequence, code, again }: Setback, job: Job): Until {
  // Processes may have been killed over it by chance: what kills one is known by doing so after the next reconcile too.
  if (code === 'job.poison') return again ? 'change' : 'reconcile';
  if (consequence === 'setAside') return 'change';
  return job.attemptsMade + 1 >= APPLY_ATTEMPTS ? 'reconcile' : 'time';
}

function backoffMs(until: Until, job: Job): number {
  return until === 'time' ? SURE_BACKOFF_MS * 2 ** job.attemptsMade : 0;
}
