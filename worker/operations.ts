/** What an operator asks of one sync, carried out: the commands and the HTTP interface both come through here. */
import { hastenPerson } from '../jobs/add.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { SyncError } from '../model/errors.ts';
import type { ActDone, FailedView, LeaversView, Named, Operations } from '../ops/operations.ts';
import { runView, syncStatus } from '../ops/status.ts';
import { heldDigest } from '../plan/held.ts';
import { askView } from './ask-view.ts';
import { explain } from './explain.ts';
import { refsOf } from './people.ts';
import { nextRun } from './schedule.ts';
import { ask, type SyncParts } from './sync.ts';

/** The operations of a sync. */
export function operationsOf(sync: SyncParts): Operations {
  const { name, queues, budget } = sync;
  return {
    name,
    status: () => syncStatus(sync, nextRun(sync.schedule)),
    leavers: () => leaversOf(sync),
    failed: () => failedOf(sync),
    approve: (people, digest) => approve(sync, people, digest),
    keep: (people) => keep(sync, people),
    retry: (people) => retry(sync, people),
    pause: () => queues.apply.pause(),
    async resume() {
      await budget.resume();
      await queues.apply.resume();
    },
    resync: ({ full, user }, actor) =>
      ask(sync, { by: actor, full, ...(user !== undefined && { person: user.trim() }) }),
    ask: (id) => askView(sync, id),
    explain: (person) => explain(person.trim(), sync),
    runs: async (limit) => (await sync.ledger.runs.recent(limit)).map(runView),
  };
}

async function leaversOf({ name, ledger }: SyncParts): Promise<LeaversView> {
  const leavers = (await ledger.leavers.all()).sort((a, b) => a.due - b.due);
  const held = leavers.filter(({ stage }) => stage === 'held').length;
  const unmatched = await ledger.unmatched();
  return { name, held, digest: held === 0 ? null : heldDigest(leavers), leavers, unmatched };
}

async function failedOf({ name, ledger }: SyncParts): Promise<FailedView> {
  const failed = await ledger.quarantine.all();
  return { name, failed: failed.sort((a, b) => a.at - b.at), rejected: await ledger.rejections() };
}

async function approve({ ledger }: SyncParts, people: Named, digest: string) {
  const held = (await ledger.leavers.all()).filter(({ stage }) => stage === 'held');
  if (held.length === 0 || heldDigest(held) !== digest) throw changed();
  const { chosen, unknown } = await choose(held, people, ledger);
  // A part of what was meant may be a slip in the rest: nobody goes then.
  if (unknown.length > 0) return { done: [], unknown, stillHeld: held.length };
  await ledger.leavers.approve(chosen);
  return { ...doneFor(chosen), stillHeld: held.length - chosen.length };
}

function changed(): SyncError {
  return new SyncError(
    'unsafe',
    'approve.changed',
    'the people who are held are not those of this digest any more: look again with `omni-sync leavers`, and approve what it shows',
  );
}

async function keep({ ledger }: SyncParts, people: readonly string[]): Promise<ActDone> {
  const { chosen, unknown } = await choose(await ledger.leavers.all(), people, ledger);
  await ledger.leavers.keep(chosen.map(({ ref }) => ref));
  return { ...doneFor(chosen), unknown };
}

async function retry(sync: SyncParts, people: Named): Promise<ActDone> {
  const { ledger, queues } = sync;
  const stuck = (await ledger.quarantine.all()).filter(({ until }) => until !== 'time');
  const { chosen, unknown } = await choose(stuck, people, ledger);
  await ledger.quarantine.release(chosen.map(({ ref }) => ref));
  for (const { ref } of chosen) await hastenPerson(queues.apply, { ref, kind: 'retry' });
  return { ...doneFor(chosen), unknown };
}

interface Nameable {
  readonly sourceId: string;
  readonly ref: string;
}

/** Those of `candidates` who are named, and the names that are nobody's. */
async function choose<Person extends Nameable>(candidates: readonly Person[], people: Named, ledger: Ledger) {
  if (people === 'all') return { chosen: candidates, unknown: [] };
  const refs = await refsOf(ledger, people);
  const isNamed = ({ ref }: Nameable, name: string) => refs.get(name)?.has(ref) === true;
  return {
    chosen: candidates.filter((candidate) => people.some((name) => isNamed(candidate, name))),
    unknown: people.filter((name) => !candidates.some((candidate) => isNamed(candidate, name))),
  };
}

function doneFor(chosen: readonly Nameable[]): ActDone {
  return { done: chosen.map(({ sourceId }) => sourceId), unknown: [] };
}
