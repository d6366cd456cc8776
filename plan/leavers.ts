/**
 * Who leaves: pure. A reconcile hands in who is not wanted, who is back, and what is remembered; this says what to
 * remember next and whose time has come. It takes nobody away itself, and after an incomplete read nobody's time comes.
 *
 * | remembered | this read | then |
 * |---|---|---|
 * | nothing | not wanted | grace, or held where the guard refuses the whole set of new ones |
 * | any | wanted again, protected, or a rejected record (which is present) | forgotten |
 * | grace, held, approved, leaving | still not wanted | the cause and its grace as they are now, since when it was |
 * | held | still not wanted | grace, once the set that is held fits the guard |
 * | grace | a complete read after the grace's end | leaving, or held where the guard refuses all whose time has come |
 * | approved | a complete read after the grace's end | leaving |
 * | leaving | still not wanted | leaving |
 */
import type { LeaverCause, Tombstone } from '../model/leaver.ts';
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
  /** New sourceIds under the address of somebody who is gone: a changed id column looks like this. */
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
  const [fresh, settled] = split(carried, ({ stage, reason }) => stage === 'held' && reason !== UNSEEN);
  const candidates = fresh.length + input.relinks;
  const allowed = guardAllows({ candidates, recent: input.recent.missing }, limit);
  const reason = `${candidates} people left or changed their id at once, the limit is ${limit} in 24 hours (of ${input.linked})`;
  const entered = fresh.map((tombstone) => (allowed ? toGrace(tombstone) : hold(tombstone, reason)));
  const aged = age([...settled, ...entered], input, limit);
  return {
    tombstones: aged.tombstones,
    forgotten: input.tombstones
      .map(({ sourceId }) => sourceId)
      .filter((sourceId) => !carried.some((kept) => kept.sourceId === sourceId)),
    passed: { missing: allowed ? fresh.map(({ sourceId }) => sourceId) : [], due: aged.due },
    relinksAllowed: allowed,
  };
}

/** Everyone to be remembered, before the guard: new ones as held, those of an incomplete read who were not met as they were. */
function carryOver({ tombstones, unwelcome, back, graceMs, now }: LeaversInput): Tombstone[] {
  const remembered = new Map(tombstones.map((tombstone) => [tombstone.sourceId, tombstone]));
  const current = unwelcome.map(({ unseen, ...person }): Tombstone => {
    const earlier = remembered.get(person.sourceId);
    const since = earlier?.since ?? now;
    const due = since + graceMs[person.cause];
    if (earlier !== undefined) return { ...earlier, ...person, due };
    return { ...person, since, due, stage: 'held', ...(unseen === true && { reason: UNSEEN }) };
  });
  const met = new Set(unwelcome.map(({ sourceId }) => sourceId));
  const unmet = tombstones.filter(({ sourceId }) => !met.has(sourceId) && !back.has(sourceId));
  return [...current, ...unmet];
}

/** Gives out those whose time has come, if the guard allows them all. */
function age(tombstones: readonly Tombstone[], { now, complete, recent }: LeaversInput, limit: number) {
  const isDue = ({ due }: Tombstone) => complete && due <= now;
  const waiting = tombstones.filter((tombstone) => tombstone.stage === 'grace' && isDue(tombstone));
  const allowed = guardAllows({ candidates: waiting.length, recent: recent.due }, limit);
  const reason = `the time of ${waiting.length} people has come at once, the limit is ${limit} in 24 hours`;
  const next = tombstones.map((tombstone): Tombstone => {
    if (tombstone.stage === 'approved' && isDue(tombstone)) return toLeaving(tombstone);
    if (!waiting.includes(tombstone)) return tombstone;
    return allowed ? toLeaving(tombstone) : hold(tombstone, reason);
  });
  return { tombstones: next, due: allowed ? waiting.map(({ sourceId }) => sourceId) : [] };
}

function toGrace({ reason: _, ...tombstone }: Tombstone): Tombstone {
  return { ...tombstone, stage: 'grace' };
}

function toLeaving({ reason: _, ...tombstone }: Tombstone): Tombstone {
  return { ...tombstone, stage: 'leaving' };
}

function hold(tombstone: Tombstone, reason: string): Tombstone {
  return { ...tombstone, stage: 'held', reason };
}

function split<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
