/**
 * Writes what a survey says: links that stand, accounts adopted as they are, desired states for the outbox, jobs. Nothing
 * of it reaches Omni; every write to the outbox is held to the reconcile's lease.
 */
import { addApplyJobs, type PersonToApply } from '../jobs/add.ts';
import { type Queues, UNDER_WAY, type Urgency } from '../jobs/queues.ts';
import { standingEffect } from '../ledger/commit.ts';
import type { Lease } from '../ledger/lease.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { UNKNOWN_PRINT } from '../ledger/link-index.ts';
import { batches, type StoredLink } from '../ledger/links.ts';
import type { SetAside } from '../ledger/quarantine.ts';
import type { Settlement } from '../ledger/settle.ts';
import type { Rejection } from '../model/change.ts';
import type { Link } from '../model/link.ts';
import { confirmedOfAccount, type Decision, isHeldDecision } from '../plan/decide.ts';
import type { Events } from './events.ts';
import { goneRow, rowOf, versionOf } from './rows.ts';
import type { SurveyPage } from './survey.ts';
import type { Stray, Verdict } from './survey-state.ts';

/** What the parts of one reconcile share. */
export interface Run {
  readonly id: string;
  readonly deps: {
    readonly ledger: Ledger;
    readonly queues: Queues;
    readonly events: Events;
    readonly stamp?: string;
  };
  readonly lease: Lease;
  readonly ref: (sourceId: string) => string;
  /** People whose desired state waited when the run began. */
  readonly waiting: ReadonlySet<string>;
  /** Those among them who waited to be taken away. */
  readonly leaving: ReadonlySet<string>;
  /** People set aside until a change → the desired state that failed. */
  readonly aside: ReadonlyMap<string, string>;
  /** Nobody was known when it began: what it finds is a first load, behind everything else. */
  readonly bulk: boolean;
}

const COMMITS_AT_ONCE = 500;
const ROWS_AT_ONCE = 500;

/** Writes one page of a survey. */
export async function writePage(page: SurveyPage, run: Run): Promise<void> {
  await adoptStrays(page.strays, run);
  await shield(page.shields, run);
  const verdicts = page.verdicts.filter((verdict) => !isHeldDecision(verdict.decision));
  const settled = await settle(verdicts, run);
  await enqueue(
    verdicts.filter((verdict) => !settled.has(verdict.sourceId)),
    run,
  );
  // Who waits to be taken away waits on, and set aside where that failed: the read's end says whether it still is to be.
  const gone = page.unwanted.filter(({ sourceId }) => !run.leaving.has(run.ref(sourceId)));
  await drop(gone, run);
}

/** Desired states that are wanted no more. Each gets a job of its own: whoever waited may have lost theirs. */
async function drop(people: readonly { readonly sourceId: string }[], run: Run): Promise<void> {
  const rows = people.map(({ sourceId }) => goneRow(run, sourceId));
  await run.deps.ledger.outbox.put(rows, run.lease.token);
  const open = rows.filter(({ ref, version }) => run.aside.get(ref) !== version);
  await addApplyJobs(
    run.deps.queues.apply,
    open.map(({ ref }) => personOf(ref, 'change', run.bulk)),
  );
}

/** Notes on links of people who are not wanted whether they are protected now; whose desired state waits is for the next run. */
async function shield(shields: readonly StoredLink[], run: Run): Promise<void> {
  if (shields.length === 0) return;
  const isFree = await freeOf(run);
  const free = shields.filter(({ link }) => isFree(link.sourceId));
  const settlements = free.map(({ link, fingerprint }): Settlement => {
    const { sourceId } = link;
    const effect = { kind: 'put' as const, link, fingerprint };
    const before = { ...link, protected: !link.protected };
    return { ref: run.ref(sourceId), sourceId, version: '', effect, before, run: run.id, calls: 0 };
  });
  for (const batch of batches(settlements, COMMITS_AT_ONCE))
    await run.deps.ledger.settle(batch, run.lease.token);
}

/** Links accounts whose records are not wanted already; nobody is taken away for it before an operator has looked. */
async function adoptStrays(strays: readonly Stray[], run: Run): Promise<void> {
  if (strays.length === 0) return;
  const { ledger } = run.deps;
  const linked = await ledger.links.of(strays.map(({ sourceId }) => sourceId));
  const fresh = strays.filter(({ sourceId }) => !linked.has(sourceId));
  const { foreign } = await ledger.register.claim(fresh.map(({ account }) => account.id));
  const since = Math.floor((await ledger.now()) / 1000);
  const settlements = fresh
    .filter(({ account }) => !foreign.has(account.id))
    .map((stray) => strayAdoption(stray, since, run));
  for (const batch of batches(settlements, COMMITS_AT_ONCE)) await ledger.settle(batch, run.lease.token);
}

function strayAdoption(stray: Stray, since: number, run: Run): Settlement {
  const { sourceId, desired, account } = stray;
  const link: Link = {
    sourceId,
    omniId: account.id,
    userName: desired.userName,
    provenance: 'adopted',
    state: 'active',
    since,
    protected: stray.protected,
    unreviewed: true,
    confirmed: new Set(),
  };
  const audit = {
    did: 'adopt',
    sourceId,
    omniId: link.omniId,
    fields: [],
    run: run.id,
    note: 'not wanted already',
  };
  const effect = { kind: 'put' as const, link, fingerprint: UNKNOWN_PRINT };
  const before = undefined;
  return { ref: run.ref(sourceId), sourceId, version: '', effect, before, run: run.id, calls: 0, audit };
}

/** What needs no request to Omni is written at once: links that stand, and accounts adopted as they are. Returns whose. */
async function settle(verdicts: readonly Verdict[], run: Run): Promise<Set<string>> {
  if (verdicts.length === 0) return new Set();
  const { ledger } = run.deps;
  // Whose desired state waits may be in a worker's hands: theirs goes through the queue.
  const isFree = await freeOf(run);
  const free = verdicts.filter(({ sourceId }) => isFree(sourceId));
  const stand = free.filter(({ decision, readBack }) => decision.kind === 'none' && readBack !== true);
  const adoptions = free.filter(isPlainAdoption);
  const { foreign, held } = await ledger.register.claim(adoptions.map(({ decision }) => decision.account.id));
  // One that this sync has claimed already may be another person's: a worker looks.
  const own = adoptions.filter(
    ({ decision: { account } }) => !foreign.has(account.id) && !held.has(account.id),
  );
  const since = own.length === 0 ? 0 : Math.floor((await ledger.now()) / 1000);
  const settlements = [
    ...stand.map((verdict) => standing(verdict, run)),
    ...own.map((verdict) => adoption(verdict, since, run)),
  ];
  for (const batch of batches(settlements, COMMITS_AT_ONCE)) await ledger.settle(batch, run.lease.token);
  return new Set(settlements.map(({ sourceId }) => sourceId));
}

/** Says of whom no desired state waits, neither from before nor since somebody was looked up by hand. */
async function freeOf(run: Run): Promise<(sourceId: string) => boolean> {
  const asked = await run.deps.ledger.askedFor();
  if (run.waiting.size + asked.size === 0) return () => true;
  return (sourceId) => !run.waiting.has(run.ref(sourceId)) && !asked.has(run.ref(sourceId));
}

function standing(verdict: Verdict, run: Run): Settlement {
  const { sourceId, fingerprint, link } = verdict;
  const effect = standingEffect(link, verdict.protected, fingerprint);
  const version = versionOf(verdict);
  return { ref: run.ref(sourceId), sourceId, version, effect, before: link, run: run.id, calls: 0 };
}

function adoption(verdict: Adoption, since: number, run: Run): Settlement {
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
  const audit = { did: 'adopt', sourceId, omniId: link.omniId, fields: [], run: run.id };
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
  const urgency: Urgency = bulk || kind === 'none' ? 'bulk' : kind === 'create' ? 'create' : 'change';
  return { ref, kind, urgency };
}

/** Desired states of people whom a complete read did not meet are no longer wanted; a rejected person was met. */
export async function dropUnmet(run: Run, rejections: readonly Rejection[]): Promise<void> {
  if (run.waiting.size === 0) return;
  const { ledger } = run.deps;
  const rejected = new Set(rejections.map(({ sourceId }) => sourceId));
  for await (const rows of ledger.outbox.rows()) {
    await drop(
      rows.filter((row) => row.run !== run.id && !rejected.has(row.sourceId)),
      run,
    );
  }
}

/** Forgets why they are set aside, but of a poison record that it was one before: worker/apply-job.ts asks. */
async function tryAgain(aside: readonly SetAside[], { id, deps: { ledger } }: Run): Promise<void> {
  const poisoned = aside.filter(({ code }) => code === 'job.poison');
  const others = aside.filter((one) => !poisoned.includes(one));
  await ledger.quarantine.release(others.map(({ ref }) => ref));
  for (const { ref, at: _, notBefore: __, ...setback } of poisoned)
    await ledger.quarantine.put(ref, { ...setback, until: 'time' }, { run: id, calls: 0, waitMs: 0 });
}

/** Everyone who waits has a job, also those whose job was lost between the outbox and the queue, or has spent its attempts. */
export async function addMissingJobs(run: Run): Promise<void> {
  const { ledger, queues } = run.deps;
  const aside = await ledger.quarantine.all();
  const kept = new Set(aside.filter(({ until }) => until === 'change').map(({ ref }) => ref));
  await tryAgain(
    aside.filter(({ until }) => until === 'reconcile'),
    run,
  );
  const jobs = await queues.apply.getJobCountByTypes(...UNDER_WAY);
  if (jobs >= (await ledger.outbox.size()) - kept.size) return;
  for await (const refs of ledger.outbox.refs()) {
    const open = refs.filter((ref) => !kept.has(ref));
    await addApplyJobs(
      queues.apply,
      open.map((ref) => personOf(ref, 'change', run.bulk)),
    );
  }
}
