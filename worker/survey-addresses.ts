/** The end of a read, as to addresses: who shares one with whom is left alone, and who has that of somebody gone takes over the link. */
import type { Links, StoredLink } from '../ledger/links.ts';
import type { HeldAnswer, HeldClaim } from '../model/held.ts';
import type { Link } from '../model/link.ts';
import { addressKey } from '../model/person.ts';
import { type Decision, decideRelink, KEPT, type Rules } from '../plan/decide.ts';
import { findStuck } from '../plan/stuck.ts';
import { claim, isOutside, refuse, type State, tell, twin, type Verdict } from './survey-state.ts';

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
  addPending(claimants, state, read);
  for (const [address, sourceIds] of claimants) rejectTwins({ address, sourceIds }, state, relinks);
  rejectStuck({ state, read, waits, relinks });
  return relinks;
}

/** What the end of a read goes by. */
export interface Read {
  readonly links: Links;
  readonly complete: boolean;
  /** In a read of changes: sourceId → the address that waits to be given to somebody, who may not be in it. */
  readonly pending?: ReadonlyMap<string, string>;
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
  if (movesAway(link, state, read)) {
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
function movesAway({ sourceId, userName }: Link, state: State, { pending }: Read): boolean {
  const kind = state.late.get(sourceId)?.decision.kind;
  if (kind !== undefined) return kind === 'rename' || kind === 'return';
  const next = state.met.has(sourceId) ? undefined : pending?.get(sourceId);
  return next !== undefined && next !== addressKey(userName);
}

/** Somebody who is not in a read of changes may wait for an address that is claimed in it. */
function addPending(claimants: Map<string, string[]>, state: State, { pending = new Map() }: Read): void {
  for (const [sourceId, address] of pending) {
    const claimed = claimants.get(address);
    if (claimed?.includes(sourceId) === false && !state.met.has(sourceId)) claimed.push(sourceId);
  }
}

function rejectTwins(
  { address, sourceIds }: { address: string; sourceIds: readonly string[] },
  state: State,
  relinks: Map<string, Link>,
): void {
  if (sourceIds.length === 1 && !state.contested.has(claim.address(address))) return;
  state.contested.add(claim.address(address));
  for (const sourceId of sourceIds) {
    relinks.delete(sourceId);
    if (state.late.has(sourceId)) twin(state, sourceId, 'userName');
  }
}

/** Nobody waits for an address that nobody gives up: else their jobs would be tried again for ever. */
function rejectStuck({ state, read, waits, relinks }: Omit<Weighing, 'claimants'>): void {
  const isPending = (sourceId: string) => read.pending?.has(sourceId) === true && !state.met.has(sourceId);
  const stuck = findStuck(waits, (sourceId) => state.late.has(sourceId) || isPending(sourceId));
  for (const [sourceId, why] of stuck) {
    const address = state.late.get(sourceId)?.desired.userName;
    if (address !== undefined) state.contested.add(claim.address(addressKey(address)));
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
  const seen = state.index.wasSeen(bucket, fingerprint);
  // One record of theirs is gone, and another is as it was.
  if (presence === 'gone' && seen) return false;
  if (presence !== undefined) return isOutside(presence);
  if (link.state === 'deactivated') return !seen;
  return complete && state.index.wasMissed(bucket, fingerprint);
}

/** Under what relinks are made. */
export interface RelinkTerms {
  /** The guard lets all of them pass. */
  readonly allowed: boolean;
  readonly rules: Rules;
  /** What an operator has said of single ones. */
  readonly answer: (claim: HeldClaim) => HeldAnswer | undefined;
}

/** Those who waited for the end of the read, with the relinks as they may be done. */
export function lateVerdicts(state: State, relinks: Relinks, terms: RelinkTerms): Verdict[] {
  const verdicts = [...state.late.values()].map((verdict): Verdict => {
    const from = relinks.get(verdict.sourceId);
    if (from === undefined || verdict.decision.kind === 'withhold') return verdict;
    return weighRelink(verdict, from, terms);
  });
  for (const verdict of verdicts) tell(state, verdict);
  return verdicts;
}

function weighRelink(verdict: Verdict, from: Link, { allowed, rules, answer }: RelinkTerms): Verdict {
  const word = answer(relinkClaim(verdict.sourceId, from));
  if (word === 'kept') return { ...verdict, from, decision: { kind: 'withhold', ...KEPT } };
  if (!allowed && word !== 'approved') return { ...verdict, from, decision: HELD };
  return { ...verdict, repair: false, decision: decideRelink(verdict, from, rules) };
}

/** What an operator is asked about a new sourceId that is to take over a link: the address is the link's. */
export function relinkClaim(sourceId: string, { omniId, userName, sourceId: from }: Link): HeldClaim {
  return { sourceId, what: 'relink', omniId, userName, from };
}

const HELD: Decision = {
  kind: 'withhold',
  code: 'held.relink',
  reason:
    'this record has the address of somebody whose id is gone, and too many left or changed their id at once: look whether the id column or users.id was changed; where it is meant, `omni-sync leavers` lists them and `omni-sync approve` lets them pass',
};
