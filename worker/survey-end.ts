/** The end of a read: who must be left alone for sharing an address, and who is not there any more. */
import type { Links, StoredLink } from '../ledger/links.ts';
import type { LeaverCause } from '../model/leaver.ts';
import type { Link } from '../model/link.ts';
import { addressKey } from '../model/person.ts';
import { type Decision, decideRelink, type Rules } from '../plan/decide.ts';
import { findStuck } from '../plan/stuck.ts';
import { type Cause, type Presence, refuse, type State, twin, type Verdict } from './survey-state.ts';

/** A linked active person who is not wanted. */
export interface Leaver {
  readonly link: Link;
  readonly cause: LeaverCause;
}

/** What the end of a read shows of those who are not wanted any more. */
export interface ReadEnd {
  readonly complete: boolean;
  readonly leavers: readonly Leaver[];
  readonly relinks: Relinks;
  /** Linked active people. */
  readonly active: number;
  /** Whether this watched person was met, as wanted or as a rejected record, or a new sourceId has their account. */
  readonly present: (sourceId: string) => boolean;
}

/** New sourceId → the link that it is to take over: the same address, and the old sourceId is not wanted any more. */
export type Relinks = ReadonlyMap<string, Link>;

/** Finds who shares an address with whom: twins are rejected, and who has the address of somebody gone is a relink. */
export async function findRelinks(state: State, read: Read): Promise<Relinks> {
  const claimants = claimantsByAddress(state);
  const relinks = new Map<string, Link>();
  const waits = new Map<string, string>();
  if (claimants.size > 0 && state.index.size > 0) {
    for await (const page of read.links.stored()) {
      for (const stored of page) weighHolder(stored, { state, read, claimants, relinks, waits });
    }
  }
  for (const sourceIds of claimants.values()) {
    if (sourceIds.length > 1) rejectTwins(sourceIds, state, relinks);
  }
  rejectStuck(waits, state, relinks);
  return relinks;
}

/** What the end of a read goes by. */
interface Read {
  readonly links: Links;
  readonly complete: boolean;
}

interface Weighing {
  readonly state: State;
  readonly read: Read;
  /** By address key. */
  readonly claimants: Map<string, string[]>;
  readonly relinks: Map<string, Link>;
  /** Who wants an address → who has it still. */
  readonly waits: Map<string, string>;
}

/**
 * A link whose address somebody wants. Its holder is the claimant; or is renamed away from it, and is waited for; or is
 * not wanted any more: the one heir without a link takes it over, and somebody else waits until it is taken away; or is a twin.
 */
function weighHolder(stored: StoredLink, { state, read, claimants, relinks, waits }: Weighing): void {
  const { link } = stored;
  const claimed = claimants.get(addressKey(link.userName));
  if (claimed === undefined || claimed.includes(link.sourceId)) return;
  const [first] = claimed;
  const single = claimed.length === 1 ? first : undefined;
  if (movesAway(link.sourceId, state)) {
    for (const sourceId of claimed) waits.set(sourceId, link.sourceId);
  } else if (single === undefined || !isUnwanted(stored, { state, complete: read.complete })) {
    claimed.push(link.sourceId);
  } else if (state.late.get(single)?.link === undefined) {
    if (relinks.get(single)?.state !== 'active') relinks.set(single, link);
  } else if (link.state === 'active') {
    waits.set(single, link.sourceId);
  }
}

/** Whoever is in `claimed` was left out before: these take another address than the one they have. */
function movesAway(sourceId: string, state: State): boolean {
  const kind = state.late.get(sourceId)?.decision.kind;
  return kind === 'rename' || kind === 'return';
}

function rejectTwins(sourceIds: readonly string[], state: State, relinks: Map<string, Link>): void {
  for (const sourceId of sourceIds) {
    relinks.delete(sourceId);
    if (state.late.has(sourceId)) twin(state, sourceId, 'userName');
  }
}

/** Nobody waits for an address that nobody gives up: else their jobs would be tried again for ever. */
function rejectStuck(waits: ReadonlyMap<string, string>, state: State, relinks: Map<string, Link>): void {
  const stuck = findStuck(waits, (sourceId) => state.late.has(sourceId));
  for (const [sourceId, why] of stuck) {
    relinks.delete(sourceId);
    refuse(state, sourceId, STUCK[why]);
  }
}

const STUCK = {
  circle: {
    code: 'record.address-circle',
    reason:
      'these people take over each other’s userName in a circle, for which Omni has no request: give one of them another userName in the directory for one run',
  },
  kept: {
    code: 'record.address-kept',
    reason:
      'an account of somebody else has this userName, and does not give it up now: its person was rejected, or is not taken away yet',
  },
} as const;

function claimantsByAddress(state: State): Map<string, string[]> {
  const claimants = new Map<string, string[]>();
  for (const { desired, sourceId } of state.late.values()) {
    const key = addressKey(desired.userName);
    claimants.set(key, [...(claimants.get(key) ?? []), sourceId]);
  }
  return claimants;
}

/** Met as not wanted, or gone from this complete read, or not met and taken away by us before. */
function isUnwanted(
  { link, bucket, fingerprint }: StoredLink,
  { state, complete }: { state: State; complete: boolean },
): boolean {
  const presence = state.met.get(link.sourceId);
  if (presence !== undefined) return isOutside(presence);
  if (state.index.wasSeen(bucket, fingerprint)) return false;
  return complete || link.state === 'deactivated';
}

function isOutside(presence: Presence | undefined): presence is Cause {
  return presence === 'outOfScope' || presence === 'inactive';
}

/** Those who waited for the end of the read, with the relinks as they may be done. */
export function lateVerdicts(
  state: State,
  relinks: Relinks,
  { allowed, rules }: { allowed: boolean; rules: Rules },
): Verdict[] {
  const verdicts = [...state.late.values()].map((verdict): Verdict => {
    const from = relinks.get(verdict.sourceId);
    if (from === undefined || verdict.decision.kind === 'withhold') return verdict;
    if (!allowed) return { ...verdict, decision: HELD };
    return { ...verdict, decision: decideRelink(verdict, from, rules) };
  });
  for (const { decision } of verdicts) {
    if (decision.kind !== 'none' && decision.kind !== 'withhold') state.changes[decision.kind]++;
  }
  return verdicts;
}

/** Nothing is done for them before the guard lets them pass. */
export function isHeldRelink({ decision }: Verdict): boolean {
  return decision === HELD;
}

const HELD: Decision = {
  kind: 'withhold',
  code: 'held.relink',
  reason:
    'this record has the address of somebody whose id is gone, and too many left or changed their id at once: look whether the id column or users.id was changed; where it is meant, raise leavers.limit for one run',
};

export interface Leaving {
  readonly leavers: readonly Leaver[];
  /** Links, as they are to be, of people who are there, not wanted, and protected otherwise than remembered. */
  readonly shields: readonly StoredLink[];
}

/** Linked active people who are not (or no longer) wanted; the missing only after a complete read. */
export async function findLeavers(
  state: State,
  { links, complete, relinks }: Read & { relinks: Relinks },
): Promise<Leaving> {
  const inherited = new Set([...relinks.values()].map(({ sourceId }) => sourceId));
  const leavers: Leaver[] = [];
  const shields: StoredLink[] = [];
  for await (const page of links.stored(state.index.unseenBuckets())) {
    for (const stored of page) {
      const cause = causeOf(stored, { state, complete });
      if (cause === undefined || inherited.has(stored.link.sourceId)) continue;
      const link = cause === 'missing' ? stored.link : shieldedLink(stored.link, state);
      if (link.protected !== stored.link.protected) shields.push({ ...stored, link });
      leavers.push({ link, cause });
    }
  }
  return { leavers, shields };
}

/** A record that is there says whether its person is protected now; of who is gone, the link remembers it. */
function shieldedLink(link: Link, state: State): Link {
  return { ...link, protected: state.shielded.has(link.sourceId) };
}

/** Why a linked active person is not wanted; nothing where they are, or are there with a record that was rejected. */
function causeOf(
  { link, bucket, fingerprint }: StoredLink,
  { state, complete }: { state: State; complete: boolean },
): LeaverCause | undefined {
  if (link.state !== 'active') return undefined;
  const presence = state.met.get(link.sourceId);
  if (isOutside(presence)) return presence;
  const met = presence !== undefined || state.index.wasSeen(bucket, fingerprint);
  return complete && !met ? 'missing' : undefined;
}
