/** The end of a read: who must be left alone for sharing an address, and who is not there any more. */
import type { Links, StoredLink } from '../ledger/links.ts';
import type { LeaverCause } from '../model/leaver.ts';
import type { Link } from '../model/link.ts';
import { addressKey } from '../model/person.ts';
import { type Decision, decideRelink, type Rules } from '../plan/decide.ts';
import { type State, twin, type Verdict } from './survey-state.ts';

/** A linked active person who is not wanted. */
export interface Leaver {
  readonly link: Link;
  readonly cause: LeaverCause;
}

/** What the end of a read shows of those who are not wanted any more. */
export interface ReadEnd {
  readonly complete: boolean;
  readonly leavers: readonly Leaver[];
  /** How many new sourceIds stand under the address of somebody who is gone. */
  readonly relinks: number;
  /** Linked active people. */
  readonly active: number;
  /** Whether this watched person was met, as wanted or as a rejected record. */
  readonly present: (sourceId: string) => boolean;
}

/** New sourceId → the link that it is to take over: the same address, and the old sourceId is gone. */
export type Relinks = ReadonlyMap<string, Link>;

/** Finds who shares an address with whom: twins are rejected, and who has the address of somebody gone is a relink. */
export async function findRelinks(state: State, read: Read): Promise<Relinks> {
  const claimants = claimantsByAddress(state);
  const relinks = new Map<string, Link>();
  if (claimants.size > 0 && state.index.size > 0) {
    for await (const page of read.links.stored()) {
      for (const stored of page) weighHolder(stored, { state, read, claimants, relinks });
    }
  }
  for (const sourceIds of claimants.values()) {
    if (sourceIds.length > 1) rejectTwins(sourceIds, state, relinks);
  }
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
}

/** A link whose address somebody wants: the one heir of somebody gone takes it over, else its holder is a twin. */
function weighHolder(stored: StoredLink, { state, read, claimants, relinks }: Weighing): void {
  const claimed = claimants.get(addressKey(stored.link.userName));
  if (claimed === undefined || givesUp(stored.link, claimed, state)) return;
  const heir = claimed.length === 1 ? claimed[0] : undefined;
  const inherits =
    heir !== undefined && isNew(heir, state) && isGone(stored, { state, complete: read.complete });
  if (inherits) relinks.set(heir, stored.link);
  else claimed.push(stored.link.sourceId);
}

function rejectTwins(sourceIds: readonly string[], state: State, relinks: Map<string, Link>): void {
  for (const sourceId of sourceIds) {
    relinks.delete(sourceId);
    if (state.late.has(sourceId)) twin(state, sourceId, 'userName');
  }
}

function claimantsByAddress(state: State): Map<string, string[]> {
  const claimants = new Map<string, string[]>();
  for (const { desired, sourceId } of state.late.values()) {
    const key = addressKey(desired.userName);
    claimants.set(key, [...(claimants.get(key) ?? []), sourceId]);
  }
  return claimants;
}

/** The holder of an address is its claimant, or is about to be renamed away from it. */
function givesUp(link: Link, claimed: readonly string[], state: State): boolean {
  return claimed.includes(link.sourceId) || state.late.get(link.sourceId)?.decision.kind === 'rename';
}

function isNew(sourceId: string, state: State): boolean {
  return state.late.get(sourceId)?.link === undefined;
}

/** Gone from this complete read, or taken away by us before. */
function isGone(
  { link, bucket, fingerprint }: StoredLink,
  { state, complete }: { state: State; complete: boolean },
): boolean {
  if (state.met.has(link.sourceId) || state.index.wasSeen(bucket, fingerprint)) return false;
  return complete || link.state === 'deactivated';
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

const HELD: Decision = {
  kind: 'withhold',
  code: 'held.relink',
  reason:
    'this record has the address of somebody whose id is gone, and too many ids changed at once: look whether the id column or users.id was changed; where it is meant, raise leavers.limit for one run',
};

/** Linked active people who are not (or no longer) wanted; the missing only after a complete read. */
export async function findLeavers(
  state: State,
  { links, complete, relinks }: Read & { relinks: Relinks },
): Promise<Leaver[]> {
  const inherited = new Set([...relinks.values()].map(({ sourceId }) => sourceId));
  const leavers: Leaver[] = [];
  for await (const page of links.stored(state.index.unseenBuckets())) {
    for (const stored of page) {
      const { link } = stored;
      const cause =
        link.state === 'active' && !inherited.has(link.sourceId) ? causeOf(stored, state) : undefined;
      if (cause !== undefined && (complete || cause !== 'missing')) leavers.push({ link, cause });
    }
  }
  return leavers;
}

/** Why a linked person is not wanted; nothing where they are, or are there with a record that was rejected. */
function causeOf({ link, bucket, fingerprint }: StoredLink, state: State): LeaverCause | undefined {
  const presence = state.met.get(link.sourceId);
  if (presence === 'outOfScope' || presence === 'inactive') return presence;
  return presence === undefined && !state.index.wasSeen(bucket, fingerprint) ? 'missing' : undefined;
}
