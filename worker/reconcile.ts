/**
 * One reconcile: read the directory, work out what differs, write the desired states to the outbox and add a job for
 * each changed person. It writes nothing to Omni. It may be killed anywhere: the next one decides again.
 */
import { randomUUID } from 'node:crypto';
import type { Directory } from '../directory/directory.ts';
import type { Queues } from '../jobs/queues.ts';
import type { Ask } from '../ledger/asks.ts';
import type { Lease } from '../ledger/lease.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Watermark } from '../ledger/watermark.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import { isLifted, type Rules } from '../plan/decide.ts';
import { NO_ACCOUNTS, noteAsked, readAccounts } from './accounts.ts';
import { addMissingJobs, dropUnmet, type Run, writePage } from './enqueue.ts';
import type { Events } from './events.ts';
import { considerLeavers, type LeaverRules, type LeaversOutcome, writeLeavers } from './leavers.ts';
import { openRead, type Read } from './read.ts';
import { type SurveyEnd, type SurveyOptions, survey } from './survey.ts';
import { type Before, findingsOf, tallyOf } from './tally.ts';
import { readWaiting } from './waiting.ts';
import { basisOf, moveWatermark } from './watermark.ts';

export interface ReconcileDeps extends Pick<SurveyOptions, 'mapping' | 'fingerprint'> {
  readonly directory: Directory;
  /** Stands for whatever of the configuration a full read is needed after. */
  readonly basis: string;
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly omni: Parameters<typeof readAccounts>[0];
  readonly rules: Rules;
  readonly leaverRules: LeaverRules;
  readonly events: Events;
  /** How the lease names this process. */
  readonly holder: string;
  /** The configuration that people are mapped under, noted with what it wants. */
  readonly stamp?: string;
}

export interface ReconcileTry {
  readonly signal: AbortSignal;
  /** No further try follows: who asked is told that it failed. */
  readonly last: boolean;
}

/**
 * Does all that was asked of the sync so far; nothing where nothing was.
 * @throws SyncError `transient` while another reconcile of this sync runs; whatever broke it off.
 */
export async function reconcile(deps: ReconcileDeps, attempt: ReconcileTry): Promise<void> {
  const { ledger } = deps;
  const lease = await ledger.lease(deps.holder);
  if (lease === undefined)
    throw new SyncError('transient', 'reconcile.busy', 'another reconcile of this sync runs');
  try {
    const asks = await ledger.asks.open();
    if (asks.length > 0) await reconcileFor(asks, { deps, lease, attempt });
  } finally {
    await lease.release();
  }
}

interface Under {
  readonly deps: ReconcileDeps;
  readonly lease: Lease;
  readonly attempt: ReconcileTry;
}

async function reconcileFor(asks: readonly Ask[], under: Under): Promise<void> {
  const { ledger } = under.deps;
  const id = randomUUID();
  const ids = asks.map((ask) => ask.id);
  await ledger.runs.begin(id, new Date());
  try {
    await runOnce(id, wantOf(asks), under);
    await ledger.asks.close(ids, id);
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
    changes: asks.every(({ full, changes }) => changes === true && !full),
  };
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

interface Begun {
  readonly id: string;
  readonly full: boolean;
  readonly begun: Awaited<ReturnType<Ledger['begin']>>;
  readonly basis: string | undefined;
  readonly read: Read;
  /** Of a read of changes alone. */
  readonly before: (Before & { readonly watermark: Watermark }) | undefined;
  readonly signal: AbortSignal;
}

async function carryOut(going: Begun, { deps, lease }: Under): Promise<void> {
  const { id, begun, read, before, signal } = going;
  const { ledger, events } = deps;
  const { ref, epoch, cold } = begun;
  const accounts = cold ? await readAccounts(deps.omni, ledger.links, signal) : NO_ACCOUNTS;
  const waiting = await readWaiting(ledger);
  const aside = await setAside(ledger, deps.rules);
  const run: Run = {
    id,
    deps,
    lease,
    ref,
    waiting: waiting.refs,
    leaving: waiting.leaving,
    aside,
    bulk: cold,
  };
  const startedAt = await ledger.now();
  const watched = await watchedRefs(going, ledger);
  let outcome: LeaversOutcome | undefined;
  const listed = noteAsked(cold ? accounts.byAddress : waiting.accounts);
  const pages = survey({
    ...deps,
    directory: read,
    among: before && { contested: before.watermark.contested, pending: waiting.addresses },
    links: ledger.links,
    definitions: await ledger.definitions.known(),
    accounts: listed,
    full: going.full,
    waiting: (sourceId) => run.waiting.size > 0 && run.waiting.has(ref(sourceId)),
    watched: (sourceId) => watched.size > 0 && watched.has(ref(sourceId)),
    async consider(end) {
      const about = { ...deps, rules: deps.leaverRules, policy: deps.rules.policy, ref, startedAt };
      outcome = await considerLeavers(end, about);
      return outcome;
    },
    signal,
  });
  const end = await carryPages(pages, run);
  events.step('reconcile.read');
  if (outcome !== undefined) await writeLeavers(outcome, run);
  if (end.complete) await dropUnmet(run, end.rejections);
  await addMissingJobs(run);
  const tally = tallyOf(end, outcome?.tombstones.length ?? 0, before);
  await ledger.setRejections(tally.rejections);
  if (cold && end.ended) {
    await ledger.setUnmatched(listed.unmatched().map(([userName, { id }]) => ({ omniId: id, userName })));
    await ledger.meta.warm(epoch);
  }
  await moveWatermark({ basis: going.basis, read, end, tally }, run);
  const unnoted = await ledger.meta.countRun();
  if (unnoted !== undefined) events.trouble(new Error(unnoted));
  const found = findingsOf({ kind: read.kind, end, tally, outcome });
  await ledger.runs.finish(id, { ...found, calls: accounts.calls, finishedAt: new Date() });
  events.reconciled({ run: id, cold, ...found });
}

/** Leavers who may be back; and in a read of changes those who were rejected before: they may not be now. */
async function watchedRefs({ begun: { ref }, before }: Begun, ledger: Ledger): Promise<Set<string>> {
  const leavers = (await ledger.leavers.all()).map((tombstone) => tombstone.ref);
  const rejected = (before?.rejections ?? []).flatMap(({ sourceId }) => (sourceId ? [ref(sourceId)] : []));
  return new Set([...leavers, ...rejected]);
}

/** Who is set aside until a change; those whom an earlier `adopt` has set aside are looked at again. */
async function setAside(ledger: Ledger, rules: Rules): Promise<Map<string, string>> {
  const before = await ledger.quarantine.all();
  const lifted = before.filter(({ code }) => isLifted(code, rules));
  await ledger.quarantine.release(lifted.map(({ ref }) => ref));
  const all = before.filter((one) => !lifted.includes(one));
  return new Map(all.filter(({ until }) => until === 'change').map(({ ref, version }) => [ref, version]));
}

async function carryPages(pages: ReturnType<typeof survey>, run: Run): Promise<SurveyEnd> {
  for (;;) {
    const next = await pages.next();
    if (next.done) return next.value;
    await writePage(next.value, run);
  }
}
