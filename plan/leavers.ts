/**
 * Who leaves: pure. A reconcile hands in who is not wanted, who is back, and what is remembered; this says what to
 * remember next and whose time has come. It takes nobody away itself, and after an incomplete read nobody's time comes.
 *
 * | remembered | this read | then |
 * |---|---|---|
 * | nothing | not wanted | grace, or held where the guard refuses the whole set of new ones |
 * | nothing | not wanted, and adopted so: nobody has looked yet | held for a review, whatever the guard says |
 * | any | wanted again, protected, or a rejected record (which is present) | forgotten |
 * | grace, held, approved, leaving | still not wanted | the cause and its grace as they are now, since when it was |
 * | approved, leaving | not wanted for another cause | as new, since when it was: what was let go was another leave |
 * | leaving | its grace has become longer | grace |
 * | held by the guard's first look | still not wanted | grace, once the set that is held so fits the guard |
 * | grace, held by the second look | a complete read after the grace's end | leaving, or held where the guard refuses all whose time has come |
 * | held for a review | still not wanted | held |
 * | approved | a complete read after the grace's end | leaving, and not counted in the window: an operator has looked |
 * | leaving | still not wanted | leaving |
 *
 * After Redis was set back to an older copy, or under another directory, each grace begins anew (`begunAnew`).
 *
 * Whoever leaves while a set is held is held with it: the directory is in doubt until somebody has looked or it is mended, and
 * a read that loses a few more each time must not take them away one limit after another.
 */
import type { HeldBy, LeaverCause, Tombstone } from '../model/leaver.ts';
import { type GuardLimit, guardAllows, guardLimit } from './guard.ts';

/** A linked person who is not wanted, as a read has it. */
export interface Unwelcome {
  readonly sourceId: string;
  readonly omniId: string;
  readonly userName: string;
  readonly cause: LeaverCause;
  /** Nobody has seen yet that this account is ours to take away: it was adopted while its record was out already. */
  readonly unseen?: boolean;
}

export interface LeaversInput {
  /** Milliseconds since 1970, by Redis's clock: when the read began. */
  readonly now: number;
  /** The same, when it had ended: what it has seen may have come to be while it went on, or while its process stood still. */
  readonly endedAt: number;
  readonly complete: boolean;
  /** Not wanted, and not protected. */
  readonly unwelcome: readonly Unwelcome[];
  /** Remembered people who are wanted again, protected, or of whom nobody knows an account any more. */
  readonly back: ReadonlySet<string>;
  readonly tombstones: readonly Tombstone[];
  readonly graceMs: Readonly<Record<LeaverCause, number>>;
  readonly limit: GuardLimit;
  /** Linked active people. */
  readonly linked: number;
  /** New sourceIds under the address of somebody who is gone, not counted before: a changed id column looks like this. */
  readonly relinks: number;
  /** Whom the guard let pass within its window: into grace, and into leaving. */
  readonly recent: { readonly missing: number; readonly due: number };
}

export interface LeaversDecision {
  /** Tombstones as they are to be remembered, those that changed and those that did not. */
  readonly tombstones: readonly Tombstone[];
  readonly forgotten: readonly string[];
  /** Passed the guard now: into grace, and into leaving; counted against the next 24 hours. */
  readonly passed: { readonly missing: readonly string[]; readonly due: readonly string[] };
  /** Whether the new sourceIds may take over accounts. */
  readonly relinksAllowed: boolean;
}

const UNSEEN = 'its account was adopted when its record was not wanted already: look at it first';

/** What to remember of the leavers after a read. */
export function decideLeavers(input: LeaversInput): LeaversDecision {
  const limit = guardLimit(input.limit, input.linked);
  const carried = carryOver(input);
  const entering = carried.filter(isEntering).map(({ sourceId }) => sourceId);
  const candidates = entering.length + input.relinks;
  const allowed = guardAllows({ candidates, recent: input.recent.missing }, limit);
  const reason = `${candidates} people left or changed their id at once, the limit is ${limit} in 24 hours (of ${input.linked})`;
  const entered = carried.map((tombstone) => {
    if (!isEntering(tombstone)) return tombstone;
    return allowed ? freed(tombstone, 'grace') : hold(tombstone, 'missing', reason);
  });
  const aged = age(entered, input, limit);
  const kept = new Set(carried.map(({ sourceId }) => sourceId));
  return {
    tombstones: aged.tombstones,
    forgotten: input.tombstones.map(({ sourceId }) => sourceId).filter((sourceId) => !kept.has(sourceId)),
    passed: { missing: allowed ? entering : [], due: aged.due },
    relinksAllowed: allowed,
  };
}

/**
 * What is remembered in an older copy, to be taken for this read's own: whoever was back meanwhile, and left again, has a whole grace, as
 * has whom an operator kept; and what was let go passes the guard again.
 */
export function begunAnew(
  tombstones: readonly Tombstone[],
  { graceMs, endedAt }: Pick<LeaversInput, 'graceMs' | 'endedAt'>,
): Tombstone[] {
  return tombstones.map((earlier) => {
    const tombstone = { ...earlier, since: endedAt, due: endedAt + graceMs[earlier.cause] };
    const wasLetGo = earlier.stage === 'approved' || earlier.stage === 'leaving';
    return wasLetGo
      ? hold(tombstone, 'missing', 'Redis was set back to an older copy, or the directory is another one')
      : tombstone;
  });
}

/** Has yet to pass the guard's first look. */
function isEntering({ heldBy }: Tombstone): boolean {
  return heldBy === 'missing';
}

/** Everyone to be remembered, before the guard: new ones as held, those of an incomplete read who were not met as they were. */
function carryOver(input: LeaversInput): Tombstone[] {
  const { tombstones, unwelcome, back } = input;
  const remembered = new Map(tombstones.map((tombstone) => [tombstone.sourceId, tombstone]));
  const met = new Set(unwelcome.map(({ sourceId }) => sourceId));
  const unmet = tombstones.filter(({ sourceId }) => !met.has(sourceId) && !back.has(sourceId));
  return [...unwelcome.map((person) => carry(person, remembered.get(person.sourceId), input)), ...unmet];
}

function carry(
  { unseen, ...person }: Unwelcome,
  earlier: Tombstone | undefined,
  { graceMs, now, endedAt }: LeaversInput,
): Tombstone {
  const since = earlier?.since ?? endedAt;
  const due = since + graceMs[person.cause];
  if (earlier === undefined || wasAnother(earlier, person)) {
    const entering = { ...person, since, due, stage: 'held' as const, heldBy: 'missing' as const };
    return unseen === true ? hold(entering, 'review', UNSEEN) : entering;
  }
  const current = { ...earlier, ...person, due };
  return earlier.stage === 'leaving' && due > now ? freed(current, 'grace') : current;
}

/** Let go for another cause, or with another account, than now. */
function wasAnother({ stage, cause, omniId }: Tombstone, person: Unwelcome): boolean {
  return (
    (stage === 'approved' || stage === 'leaving') && (cause !== person.cause || omniId !== person.omniId)
  );
}

/** Gives out those whose time has come, if the guard allows them all. */
function age(tombstones: readonly Tombstone[], { now, complete, recent }: LeaversInput, limit: number) {
  // Where there is no grace, the read that finds somebody gone is enough.
  const isDue = ({ since, due }: Tombstone) => complete && (due <= now || due === since);
  const waits = (tombstone: Tombstone) =>
    isDue(tombstone) && (tombstone.stage === 'grace' || tombstone.heldBy === 'due');
  const waiting = tombstones.filter(waits).map(({ sourceId }) => sourceId);
  const allowed = guardAllows({ candidates: waiting.length, recent: recent.due }, limit);
  const reason = `the time of ${waiting.length} people has come at once, the limit is ${limit} in 24 hours`;
  const next = tombstones.map((tombstone): Tombstone => {
    if (tombstone.stage === 'approved' && isDue(tombstone)) return freed(tombstone, 'leaving');
    if (!waits(tombstone)) return tombstone;
    return allowed ? freed(tombstone, 'leaving') : hold(tombstone, 'due', reason);
  });
  return { tombstones: next, due: allowed ? waiting : [] };
}

/** Held no more. */
function freed({ heldBy: _, reason: __, ...tombstone }: Tombstone, stage: 'grace' | 'leaving'): Tombstone {
  return { ...tombstone, stage };
}

function hold(tombstone: Tombstone, heldBy: HeldBy, reason: string): Tombstone {
  return { ...tombstone, stage: 'held', heldBy, reason };
}
