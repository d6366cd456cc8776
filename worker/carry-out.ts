/** What one reconcile does with its read: pages to the outbox and the queue, then all that waits for the read's end. */
import type { Directory } from '../directory/directory.ts';
import type { Queues } from '../jobs/queues.ts';
import type { Lease } from '../ledger/lease.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { UnmatchedAccount } from '../ledger/review.ts';
import type { Watermark } from '../ledger/watermark.ts';
import { SyncError } from '../model/errors.ts';
import { isLifted, type Rules } from '../plan/decide.ts';
import { handedOf } from '../plan/drift.ts';
import { type AskedAccounts, NO_ACCOUNTS, noteAsked, readAccounts } from './accounts.ts';
import { type Distrust, openDistrust, TRUSTING } from './distrust.ts';
import { addMissingJobs, dropUnmet, type Run, writePage } from './enqueue.ts';
import type { Events } from './events.ts';
import { type HeldList, openHeld } from './held.ts';
import { considerLeavers, type LeaverRules, type LeaversOutcome, writeLeavers } from './leavers.ts';
import type { Read } from './read.ts';
import type { Selection } from './selection.ts';
import { type SurveyEnd, type SurveyOptions, survey } from './survey.ts';
import { type Before, findingsOf, type Tally, tallyOf } from './tally.ts';
import { readWaiting, type Waiting } from './waiting.ts';
import { moveWatermark } from './watermark.ts';

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

/** Under what a reconcile runs. */
export interface Under {
  readonly deps: ReconcileDeps;
  readonly lease: Lease;
  readonly attempt: ReconcileTry;
  /** Left out: everything. */
  readonly only?: Selection;
}

/** A run whose read was begun. */
export interface Begun {
  readonly id: string;
  readonly full: boolean;
  readonly begun: Awaited<ReturnType<Ledger['begin']>>;
  readonly basis: string | undefined;
  readonly read: Read;
  /** Of a read of changes alone. */
  readonly before: (Before & { readonly watermark: Watermark }) | undefined;
  readonly signal: AbortSignal;
}

/** Reads through, and writes what came of it. @throws whatever breaks it off. */
export async function carryOut(going: Begun, { deps, lease, only }: Under): Promise<void> {
  const { id, begun, read, before, signal } = going;
  const { ledger, events } = deps;
  const { ref, cold } = begun;
  const accounts = cold ? await readAccounts(deps.omni, ledger.links, signal) : NO_ACCOUNTS;
  const distrust = await distrustOf(going, deps);
  const waiting = await readWaiting(ledger);
  const run: Run = { id, deps, lease, ref, ...(await standing(waiting, deps)), bulk: cold };
  const startedAt = await ledger.now();
  const watched = await watchedRefs(going, ledger);
  const handed = await handedOver(ledger);
  let outcome: LeaversOutcome | undefined;
  const held = await openHeld(ledger, run, startedAt);
  const listed = noteAsked(cold ? accounts.byAddress : new Map([...held.accounts, ...waiting.accounts]));
  const pages = survey({
    ...deps,
    directory: read,
    among: before && { contested: before.watermark.contested, pending: waiting.addresses },
    links: ledger.links,
    definitions: await ledger.definitions.known(),
    accounts: listed,
    full: going.full,
    distrusts: (link, desired) =>
      distrust.distrusts(link, desired) ||
      accounts.missing.has(link.sourceId) ||
      (waiting.unread.size > 0 && waiting.unread.has(ref(link.sourceId))),
    handed: (sourceId) => handed.get(sourceId),
    waiting: (sourceId) => run.waiting.size > 0 && run.waiting.has(ref(sourceId)),
    watched: (sourceId) => accounts.missing.has(sourceId) || (watched.size > 0 && watched.has(ref(sourceId))),
    answer: held.answer,
    async consider(end) {
      const { policy } = deps.rules;
      const about = { ...deps, rules: deps.leaverRules, policy, ref, startedAt, answer: held.answer };
      const found = await considerLeavers(end, { ...about, cold, endedAt: await ledger.now() });
      outcome = only === undefined ? found : await only.restrict(found, end, ledger.leavers);
      return outcome;
    },
    signal,
  });
  const end = await carryPages(pages, run, { only, held });
  events.step('reconcile.read');
  if (outcome !== undefined) await writeLeavers(outcome, run);
  if (only === undefined) await settleOthers(end, run);
  else await only.conclude(end, ledger.links);
  const asked = await held.write(end.complete && before === undefined);
  const tally = tallyOf(end, outcome?.tombstones.length ?? 0, before);
  await ledger.setRejections(tally.rejections);
  await believe({ ...going, end, tally, listed }, { run, only });
  const found = findingsOf({ kind: read.kind, end, tally, outcome, asked });
  const calls = accounts.calls + distrust.calls;
  await ledger.runs.finish(id, { ...found, calls, finishedAt: new Date() });
  events.reconciled({ run: id, cold, ...found });
}

interface Settled extends Begun {
  readonly end: SurveyEnd;
  readonly tally: Tally;
  readonly listed: AskedAccounts;
}

/** The next read takes as known what this one brought: once all of it stands in Redis, and not before. */
async function believe(
  { begun: { cold, epoch }, basis, read, end, tally, listed }: Settled,
  { run, only }: { run: Run; only: Selection | undefined },
): Promise<void> {
  const { ledger, events } = run.deps;
  if (cold && end.ended) {
    await ledger.setUnmatched(unmatchedOf(listed));
    // Whoever was left out is not known yet.
    if (only?.isWhole() !== false) await ledger.meta.warm(epoch);
  }
  // What a plan lacks has not been written down.
  if (only === undefined) await moveWatermark({ basis, read, end, tally }, run);
  events.step('reconcile.believed');
  await countRun(run.deps);
}

/** Counts the beginning or the end of a run, so that an older copy of Redis is told. */
export async function countRun({ ledger, events }: Pick<ReconcileDeps, 'ledger' | 'events'>): Promise<void> {
  const unnoted = await ledger.meta.count();
  if (unnoted !== undefined) events.trouble(new SyncError('config', 'data.note', unnoted));
}

/** Leavers who may be back; and in a read of changes those who were rejected before: they may not be now. */
async function watchedRefs({ begun: { ref }, before }: Begun, ledger: Ledger): Promise<Set<string>> {
  const leavers = (await ledger.leavers.all()).map((tombstone) => tombstone.ref);
  const rejected = (before?.rejections ?? []).flatMap(({ sourceId }) => (sourceId ? [ref(sourceId)] : []));
  return new Set([...leavers, ...rejected]);
}

/** A ledger that knows nobody believes nothing anyway. */
function distrustOf({ full, begun, signal }: Begun, deps: ReconcileDeps): Promise<Distrust> {
  return full && !begun.cold ? openDistrust({ ...deps, signal }) : Promise.resolve(TRUSTING);
}

/** The drifted fields that links have forgotten, so that they are set back. */
async function handedOver(ledger: Ledger): Promise<Map<string, readonly string[]>> {
  const rows = [...(await ledger.drift.all()).values()];
  const handed = rows.map((row) => [row.sourceId, handedOf(row)] as const);
  return new Map(handed.filter(([, fields]) => fields.length > 0));
}

function unmatchedOf(listed: AskedAccounts): UnmatchedAccount[] {
  return listed.unmatched().map(([userName, { id }]) => ({ omniId: id, userName }));
}

/** Who waits when the run begins, and whose failure stands; whom an earlier `adopt` has set aside is looked at again. */
async function standing({ refs, leaving }: Waiting, { ledger, rules }: ReconcileDeps) {
  const { quarantine } = ledger;
  const before = await quarantine.all();
  // Of what no reconcile reads, a worker has found it.
  if (before.some(({ code }) => code === 'ledger.moved')) await ledger.dropMoved();
  const lifted = before.filter(({ code }) => isLifted(code, rules));
  await quarantine.release(lifted.map(({ ref }) => ref));
  const failed = before.filter((one) => one.until === 'change' && !lifted.includes(one));
  return { waiting: refs, leaving, aside: new Map(failed.map(({ ref, version }) => [ref, version])) };
}

/** Those who waited from before: who is not wanted any more, and who has lost their job. */
async function settleOthers({ complete, rejections }: SurveyEnd, run: Run): Promise<void> {
  if (complete) await dropUnmet(run, rejections);
  await addMissingJobs(run);
}

async function carryPages(
  pages: ReturnType<typeof survey>,
  run: Run,
  { only, held }: { only: Selection | undefined; held: HeldList },
): Promise<SurveyEnd> {
  for (;;) {
    const next = await pages.next();
    if (next.done) return next.value;
    held.note(next.value.verdicts);
    await writePage(only === undefined ? next.value : only.choose(next.value), run);
  }
}
