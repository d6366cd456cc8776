/** What an operator lets pass, keeps as it is, or takes back: leavers, and changes that wait for a word. */
import type { Ledger } from '../ledger/ledger.ts';
import { SyncError } from '../model/errors.ts';
import type { ActDone, LeaversView, Named } from '../ops/operations.ts';
import { changesDigest, heldDigest } from '../plan/held.ts';
import { bySourceId, choose, doneFor } from './naming.ts';

/** Everyone who is about to be taken away, what waits for a word, and who is kept. */
export async function viewLeavers(name: string, ledger: Ledger): Promise<LeaversView> {
  const leavers = (await ledger.leavers.all()).sort((a, b) => a.due - b.due || bySourceId(a, b));
  const held = leavers.filter(({ stage }) => stage === 'held').length;
  const changes = (await ledger.held.all()).sort(bySourceId);
  const open = changes.filter(({ answer }) => answer === undefined);
  return {
    name,
    held,
    digest: held === 0 ? null : heldDigest(leavers),
    leavers,
    changes,
    changesDigest: open.length === 0 ? null : changesDigest(open),
    kept: await keptPeople(ledger),
    unmatched: await ledger.unmatched(),
  };
}

/** By their links: of who has none, nothing is kept. */
async function keptPeople(ledger: Ledger): Promise<LeaversView['kept']> {
  const refs = await ledger.leavers.kept();
  const people: { sourceId: string; ref: string; userName: string }[] = [];
  if (refs.size === 0) return people;
  const { ref } = await ledger.begin();
  for await (const page of ledger.links.stored()) {
    for (const { link } of page) {
      const own = ref(link.sourceId);
      if (refs.has(own)) people.push({ sourceId: link.sourceId, ref: own, userName: link.userName });
    }
  }
  return people.sort(bySourceId);
}

/**
 * Lets those pass who are named, of the set that this digest is of.
 * @throws SyncError `unsafe`, `approve.changed`.
 */
export async function approveHeld(
  ledger: Ledger,
  people: Named,
  digest: string,
): Promise<ActDone & { readonly stillHeld: number }> {
  const held = (await ledger.leavers.all()).filter(({ stage }) => stage === 'held');
  if (held.length > 0 && heldDigest(held) === digest) {
    return approveOf(held, { people, ledger, approve: ledger.leavers.approve });
  }
  const open = (await ledger.held.all()).filter(({ answer }) => answer === undefined);
  if (open.length > 0 && changesDigest(open) === digest) {
    return approveOf(open, { people, ledger, approve: (chosen) => ledger.held.answer(chosen, 'approved') });
  }
  throw new SyncError(
    'unsafe',
    'approve.changed',
    'what is held is not what this digest was shown for any more: look again with `omni-sync leavers`, and approve what it shows',
  );
}

interface Approving<Person> {
  readonly people: Named;
  readonly ledger: Ledger;
  readonly approve: (chosen: readonly Person[]) => Promise<void>;
}

async function approveOf<Person extends { readonly sourceId: string; readonly ref: string }>(
  held: readonly Person[],
  { people, ledger, approve }: Approving<Person>,
) {
  const { chosen, unknown } = await choose(held, people, ledger);
  // A part of what was meant may be a slip in the rest: nobody goes then.
  if (unknown.length > 0) return { done: [], unknown, stillHeld: held.length };
  await approve(chosen);
  return { ...doneFor(chosen), stillHeld: held.length - chosen.length };
}

/** Leavers stay for good, and held changes are not made. */
export async function keepPeople(ledger: Ledger, people: readonly string[]): Promise<ActDone> {
  const leavers = await choose(await ledger.leavers.all(), people, ledger);
  const changes = await choose(await ledger.held.all(), people, ledger);
  if (leavers.chosen.length > 0) await ledger.meta.count();
  await ledger.leavers.keep(leavers.chosen.map(({ ref }) => ref));
  await ledger.held.answer(changes.chosen, 'kept');
  return both(leavers, changes);
}

/** What was kept is decided anew. */
export async function unkeepPeople(ledger: Ledger, people: readonly string[]): Promise<ActDone> {
  const leavers = await choose(await keptPeople(ledger), people, ledger);
  const kept = (await ledger.held.all()).filter(({ answer }) => answer === 'kept');
  const changes = await choose(kept, people, ledger);
  await ledger.leavers.unkeep(leavers.chosen.map(({ ref }) => ref));
  await ledger.held.unanswer(changes.chosen.map(({ ref }) => ref));
  return both(leavers, changes);
}

type Choice = Awaited<ReturnType<typeof choose>>;

/** A name is nobody's where it is nobody's in either list. */
function both(one: Choice, other: Choice): ActDone {
  const done = new Set([...one.chosen, ...other.chosen].map(({ sourceId }) => sourceId));
  return { done: [...done], unknown: one.unknown.filter((name) => other.unknown.includes(name)) };
}
