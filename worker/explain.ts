/** One person's whole story, gathered: read from the directory and the ledger, decided on as a run would. Writes nothing, and asks Omni nothing. */
import { jobOf } from '../jobs/look.ts';
import type { StoredLink } from '../ledger/links.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import type { AuditEntry } from '../model/audit.ts';
import { SyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import type { DirectoryRecord } from '../model/person.ts';
import { driftedFields } from '../ops/drift-view.ts';
import type {
  AuditView,
  ChangeView,
  Explanation,
  LinkView,
  RecordView,
  WaitingView,
} from '../ops/explanation.ts';
import { nextOf } from '../ops/next.ts';
import { syncStatus } from '../ops/status.ts';
import { fieldNames } from '../plan/decide.ts';
import type { Mapped } from '../plan/map.ts';
import { readHeld } from './held.ts';
import { type Identified, identify } from './identify.ts';
import { judge, openOf } from './judge.ts';
import { nextRun } from './schedule.ts';
import type { SyncParts } from './sync.ts';

/** The story of whoever is called `name`; nothing where nobody is. @throws SyncError `incomplete` where the directory alone could know, and cannot be read. */
export async function explain(name: string, sync: SyncParts): Promise<Explanation | undefined> {
  const who = await identify(name, sync);
  if (who === undefined) return undefined;
  if (!('sourceId' in who)) throw new SyncError('incomplete', 'explain.unread', who.unread);
  const { sourceId, ref } = who;
  const { ledger } = sync;
  const [links, row, leaver, kept, setAside, job, drift, deeds] = await Promise.all([
    ledger.links.of([sourceId]),
    ledger.outbox.get(ref),
    ledger.leavers.get(ref),
    ledger.leavers.kept(),
    ledger.quarantine.get(ref),
    jobOf(sync.queues.apply, sync.queueOptions.redis, ref),
    ledger.drift.get(ref),
    ledger.audit.read({ sourceIds: [sourceId] }),
  ]);
  const stored = links.get(sourceId);
  const mapped = who.found.length === 1 ? who.found[0]?.mapped : undefined;
  const story = {
    sync: sync.name,
    sourceId,
    ref,
    ...(await recordStory(who, { mapped, stored, row }, sync)),
    link: stored === undefined ? null : linkView(stored.link),
    waiting: row === undefined ? null : waitingView(row),
    leaver: leaver ?? null,
    kept: kept.has(ref),
    setAside: setAside ?? null,
    jobs: job === undefined ? [] : [job],
    drift: drift === undefined ? null : driftedFields(drift.fields),
    audit: deeds.toReversed().map(auditView),
  };
  return { ...story, next: await nextFor(story, sync) };
}

interface Remembered {
  readonly mapped: Mapped | undefined;
  readonly stored: StoredLink | undefined;
  readonly row: OutboxRow | undefined;
}

async function recordStory(who: Identified, { mapped, stored, row }: Remembered, sync: SyncParts) {
  const record = who.found[0]?.record;
  const alone = mapped !== undefined && record !== undefined;
  return {
    record: recordView(who, sync),
    mapping: alone ? sync.mapping.story(record) : null,
    desired: mapped !== undefined && mapped.verdict !== 'rejected' ? (mapped.desired ?? null) : null,
    change: mapped?.verdict === 'inScope' ? await changeOf(mapped, { stored, row }, sync) : null,
  };
}

function recordView({ found, unread }: Identified, { mapping }: SyncParts): RecordView {
  if (unread !== undefined) return { found: 'unread', problem: unread, fields: null };
  const [first, second] = found;
  if (first === undefined) return { found: 'none', fields: null };
  if (second !== undefined) return { found: 'several', fields: null };
  return { found: 'one', fields: readFields(first.record, mapping.fields) };
}

function readFields(record: DirectoryRecord, names: ReadonlySet<string>): DirectoryRecord {
  return Object.fromEntries(
    [...names].map((name) => [name, Object.hasOwn(record, name) ? (record[name] ?? null) : null]),
  );
}

async function changeOf(
  mapped: Extract<Mapped, { verdict: 'inScope' }>,
  { stored, row }: Pick<Remembered, 'stored' | 'row'>,
  sync: SyncParts,
): Promise<ChangeView> {
  const definitions = await sync.ledger.definitions.known();
  const { answer, accounts: held } = await readHeld(sync.ledger, (await sync.ledger.begin()).ref);
  const accounts = { get: (key: string) => row?.account ?? held.get(key) };
  const terms = { ...sync, accounts, answer };
  const { decision } = judge(openOf(mapped, { ...sync, definitions }), stored?.link, terms);
  const fields = 'fields' in decision ? fieldNames(decision.fields) : [];
  return {
    kind: decision.kind,
    fields,
    ...(decision.kind === 'withhold' && { reason: decision.reason }),
  };
}

function linkView({ omniId, userName, provenance, state, since, protected: shielded }: Link): LinkView {
  const at = new Date(since * 1000).toISOString();
  return { omniId, userName, provenance, state, since: at, protected: shielded };
}

/** Without what names others, and without values. */
function auditView({
  at,
  did,
  call,
  who,
  cause,
  run,
  omniId,
  outcome,
  note,
  fields = [],
}: AuditEntry): AuditView {
  const given = Object.entries({ call, who, cause, run, omniId, outcome, note });
  const known: Partial<AuditView> = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  return { at, did, ...known, fields };
}

function waitingView({ desired, leave, version, run }: OutboxRow): WaitingView {
  const kind = leave !== undefined ? 'removal' : desired === undefined ? 'nothing' : 'change';
  return { kind, version, run, desired: desired ?? null };
}

async function nextFor(story: Omit<Explanation, 'next'>, sync: SyncParts): Promise<string> {
  const { link, mapping, change, waiting, jobs, kept, setAside, leaver, drift } = story;
  const when = nextRun(sync.schedule);
  const { paused, halted, unreachable } = await syncStatus(sync, when);
  return nextOf({
    record: story.record.found,
    verdict: mapping?.verdict,
    reason: mapping?.rejection?.reason,
    account: link?.state ?? 'none',
    change: change ?? undefined,
    waits: waiting?.kind,
    setAside: setAside ?? undefined,
    tombstone: leaver ?? undefined,
    policy: sync.rules.policy,
    isProtected: mapping?.protected ?? link?.protected ?? false,
    kept,
    stopped: paused ? 'paused' : halted ? 'halted' : unreachable ? 'unreachable' : undefined,
    ahead: jobs[0]?.ahead ?? undefined,
    nextRun: when,
    reported: drift?.flatMap(({ field, mode }) => (mode === 'report' ? [field] : [])),
  });
}
