/** The end of a read, as to addresses: who shares one with whom is left alone, and who has that of somebody gone takes over the link. */
import type { Links, StoredLink } from '../ledger/links.ts';
import type { Link } from '../model/link.ts';
import { addressKey } from '../model/person.ts';
import { type Decision, decideRelink, type Rules } from '../plan/decide.ts';
import { findStuck } from '../plan/stuck.ts';
import { isOutside, refuse, type State, twin, type Verdict } from './survey-state.ts';

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
export interface Read {
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
