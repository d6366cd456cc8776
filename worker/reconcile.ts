/**
 * One reconcile: read the directory, work out what differs, write the desired states to the outbox and add a job for
 * each changed person. It writes nothing to Omni. It may be killed anywhere: the next one decides again.
 */
import { randomUUID } from 'node:crypto';
import { addApplyJobs, type PersonToApply } from '../jobs/add.ts';
import type { Queues, Urgency } from '../jobs/queues.ts';
import type { Ask } from '../ledger/asks.ts';
import { type Commit, standingEffect } from '../ledger/commit.ts';
import type { Lease } from '../ledger/lease.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { batches } from '../ledger/links.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import { addressKey } from '../model/person.ts';
import { confirmedOfAccount, type Decision, type KnownAccount, type Rules } from '../plan/decide.ts';
import { NO_ACCOUNTS, readAccounts } from './accounts.ts';
import { auditRecord } from './audit-record.ts';
import type { Events } from './events.ts';
import { type SurveyEnd, type SurveyOptions, survey, type Verdict } from './survey.ts';

export interface ReconcileDeps extends Pick<SurveyOptions, 'directory' | 'mapping' | 'fingerprint'> {
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly omni: Parameters<typeof readAccounts>[0];
  readonly rules: Rules;
  readonly events: Events;
  /** How the lease names this process. */
  readonly holder: string;
}

/** What the parts of one reconcile share. */
interface Run {
  readonly id: string;
  readonly deps: ReconcileDeps;
  readonly lease: Lease;
  readonly ref: (sourceId: string) => string;
  /** People whose desired state waited when the run began. */
  readonly waiting: Waiting['refs'];
  /** People set aside until a change → the desired state that failed. */
  readonly aside: ReadonlyMap<string, string>;
  /** Nobody was known when it began: what it finds is a first load, behind everything else. */
  readonly bulk: boolean;
}

const COMMITS_AT_ONCE = 500;
const ROWS_AT_ONCE = 500;

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
    await runOnce(
      id,
      asks.some(({ full }) => full),
      under,
    );
    await ledger.asks.close(ids, id);
  } catch (error) {
    await ledger.runs.fail(id, problemOf(error, under), new Date());
    if (under.attempt.last) await ledger.asks.close(ids, id);
    throw error;
  }
}

function problemOf(error: unknown, { attempt, lease }: Under): string {
  if (attempt.signal.aborted) return 'it was stopped; the next try begins afresh';
  if (lease.lost.aborted) return 'it lost its lease to another reconcile';
  return isSyncError(error) ? error.message : 'a fault of omni-sync itself; the log has its stack';
}

async function runOnce(id: string, full: boolean, { deps, lease, attempt }: Under): Promise<void> {
  const { ledger, events } = deps;
  const { ref, epoch, cold } = await ledger.begin();
  const signal = AbortSignal.any([lease.lost, attempt.signal]);
  const accounts = cold ? await readAccounts(deps.omni, ledger.links, signal) : NO_ACCOUNTS;
  const waiting = await readWaiting(ledger);
  const run: Run = {
    id,
    deps,
    lease,
    ref,
    waiting: waiting.refs,
    aside: await setAside(ledger),
    bulk: cold,
  };
  const pages = survey({
    ...deps,
    links: ledger.links,
    accounts: cold ? accounts.byAddress : waiting.accounts,
    full,
    waiting: (sourceId) => run.waiting.size > 0 && run.waiting.has(ref(sourceId)),
    signal,
  });
  const end = await carryPages(pages, run);
  events.step('reconcile.read');
  if (end.complete) await dropUnmet(run, end);
  await addMissingJobs(run);
  await ledger.setRejections(end.rejections);
  if (cold && end.ended) await ledger.meta.warm(epoch);
  await ledger.meta.countRun();
  await ledger.runs.finish(id, { ...findings(end), calls: accounts.calls, finishedAt: new Date() });
  events.reconciled({ run: id, cold, ...findings(end) });
}

interface Waiting {
  readonly refs: ReadonlySet<string>;
  /** The accounts that they are to adopt, by address key: a run that lists nobody must not make creates of them. */
  readonly accounts: ReadonlyMap<string, KnownAccount>;
}

async function readWaiting(ledger: Ledger): Promise<Waiting> {
  const refs = new Set<string>();
  const accounts = new Map<string, KnownAccount>();
  for await (const page of ledger.outbox.rows()) {
    for (const { ref, desired, account } of page) {
      refs.add(ref);
      if (desired !== undefined && account !== undefined) accounts.set(addressKey(desired.userName), account);
    }
  }
  return { refs, accounts };
}

async function setAside(ledger: Ledger): Promise<Map<string, string>> {
  const all = await ledger.quarantine.all();
  return new Map(all.filter(({ until }) => until === 'change').map(({ ref, version }) => [ref, version]));
}

async function carryPages(pages: ReturnType<typeof survey>, run: Run): Promise<SurveyEnd> {
  for (;;) {
    const next = await pages.next();
    if (next.done) return next.value;
    const { verdicts, unwanted } = next.value;
    const settled = await settle(verdicts, run);
    await enqueue(
      verdicts.filter((verdict) => !settled.has(verdict.sourceId)),
      run,
    );
    const gone = unwanted.map(({ sourceId }) => goneRow(run, sourceId));
    await run.deps.ledger.outbox.put(gone, run.lease.token);
  }
}

/** What needs no request to Omni is written at once: links that stand, and accounts adopted as they are. Returns whose. */
async function settle(verdicts: readonly Verdict[], run: Run): Promise<Set<string>> {
  const { ledger } = run.deps;
  // Whose desired state waits may be in a worker's hands: theirs goes through the queue.
  const free = verdicts.filter(({ sourceId }) => !run.waiting.has(run.ref(sourceId)));
  const stand = free.filter(({ decision }) => decision.kind === 'none');
  const adoptions = free.filter(isPlainAdoption);
  const { foreign } = await ledger.register.claim(adoptions.map((verdict) => verdict.decision.account.id));
  const own = adoptions.filter((verdict) => !foreign.has(verdict.decision.account.id));
  const since = own.length === 0 ? 0 : Math.floor((await ledger.now()) / 1000);
  const commits = [
    ...stand.map((verdict) => standing(verdict, run)),
    ...own.map((verdict) => adoption(verdict, since, run)),
  ];
  for (const batch of batches(commits, COMMITS_AT_ONCE)) await ledger.commitMany(batch);
  return new Set(commits.map(({ sourceId }) => sourceId));
}

function standing(verdict: Verdict, run: Run): Commit {
  const { sourceId, fingerprint, link } = verdict;
  const effect = standingEffect(link, verdict.protected, fingerprint);
  return { ref: run.ref(sourceId), sourceId, version: versionOf(verdict), effect, run: run.id, calls: 0 };
}

function adoption(verdict: Adoption, since: number, run: Run): Commit {
  const { desired, decision, fingerprint, sourceId } = verdict;
  const link: Link = {
    sourceId,
    omniId: decision.account.id,
    userName: desired.userName,
    provenance: 'adopted',
    state: 'active',
    since,
    protected: verdict.protected,
    confirmed: confirmedOfAccount(decision.account, desired),
  };
  const audit = auditRecord({ did: 'adopt', sourceId, omniId: link.omniId, fields: [], run: run.id });
  return { ...standing(verdict, run), effect: { kind: 'put', link, fingerprint }, kind: 'adopt', audit };
}

type Adoption = Verdict & { readonly decision: Extract<Decision, { kind: 'adopt' }> };

function isPlainAdoption(verdict: Verdict): verdict is Adoption {
  return verdict.decision.kind === 'adopt' && Object.keys(verdict.decision.fields).length === 0;
}

/** Writes what needs a worker to the outbox, then adds the jobs: a death between the two is mended by the next run. */
async function enqueue(verdicts: readonly Verdict[], run: Run): Promise<void> {
  const { ledger, queues, events } = run.deps;
  for (const batch of batches(verdicts, ROWS_AT_ONCE)) {
    await ledger.outbox.put(
      batch.map((verdict) => rowOf(verdict, run)),
      run.lease.token,
    );
    events.step('reconcile.outbox');
    const open = batch.filter((verdict) => run.aside.get(run.ref(verdict.sourceId)) !== versionOf(verdict));
    await addApplyJobs(
      queues.apply,
      open.map((verdict) => personOf(run.ref(verdict.sourceId), verdict.decision.kind, run.bulk)),
    );
    events.step('reconcile.jobs');
  }
}

function personOf(ref: string, kind: string, bulk: boolean): PersonToApply {
  const urgency: Urgency = bulk ? 'bulk' : kind === 'create' ? 'create' : 'change';
  return { ref, kind, urgency };
}

function rowOf(verdict: Verdict, run: Run): OutboxRow {
  const { sourceId, desired, account } = verdict;
  const about = { ref: run.ref(sourceId), sourceId, version: versionOf(verdict), run: run.id };
  return { ...about, desired, protected: verdict.protected, ...(account === undefined ? {} : { account }) };
}

function versionOf(verdict: Verdict): string {
  return verdict.fingerprint.toString('base64url');
}

function goneRow(run: Run, sourceId: string): OutboxRow {
  return { ref: run.ref(sourceId), sourceId, version: 'gone', protected: false, run: run.id };
}

/** Desired states of people whom a complete read did not meet are no longer wanted; a rejected person was met. */
async function dropUnmet(run: Run, end: SurveyEnd): Promise<void> {
  if (run.waiting.size === 0) return;
  const { ledger } = run.deps;
  const rejected = new Set(end.rejections.map(({ sourceId }) => sourceId));
  for await (const rows of ledger.outbox.rows()) {
    const unmet = rows.filter(
      (row) => row.run !== run.id && row.version !== 'gone' && !rejected.has(row.sourceId),
    );
    await ledger.outbox.put(
      unmet.map((row) => goneRow(run, row.sourceId)),
      run.lease.token,
    );
  }
}

/** Everyone who waits has a job, also those whose job was lost between the outbox and the queue, or has spent its attempts. */
async function addMissingJobs(run: Run): Promise<void> {
  const { ledger, queues } = run.deps;
  const aside = await ledger.quarantine.all();
  const kept = new Set(aside.filter(({ until }) => until === 'change').map(({ ref }) => ref));
  await ledger.quarantine.release(aside.filter(({ until }) => until === 'reconcile').map(({ ref }) => ref));
  const jobs = await queues.apply.getJobCountByTypes('waiting', 'prioritized', 'delayed', 'active');
  if (jobs >= (await ledger.outbox.size()) - kept.size) return;
  for await (const refs of ledger.outbox.refs()) {
    const open = refs.filter((ref) => !kept.has(ref));
    await addApplyJobs(
      queues.apply,
      open.map((ref) => personOf(ref, 'change', run.bulk)),
    );
  }
}

function findings(end: SurveyEnd) {
  const { rejections, leavers, ended: _, ...rest } = end;
  return { ...rest, rejected: rejections.length, leavers: leavers.length };
}
