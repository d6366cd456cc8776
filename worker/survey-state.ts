/** Who has been met in a read so far, and how: what a survey knows before it has ended. In memory alone. */
import type { LinkIndex } from '../ledger/link-index.ts';
import { type ChangeKind, noChanges, type Rejection } from '../model/change.ts';
import type { Link } from '../model/link.ts';
import type { DesiredUser } from '../model/person.ts';
import type { Decision, KnownAccount } from '../plan/decide.ts';

/** One person with what is to be done for them. */
export interface Verdict {
  readonly sourceId: string;
  readonly desired: DesiredUser;
  readonly protected: boolean;
  readonly fingerprint: Buffer;
  readonly link?: Link | undefined;
  readonly account?: KnownAccount | undefined;
  readonly decision: Decision;
  /** The link that a held relink is about. */
  readonly from?: Link;
  /** Sets back what somebody changed in Omni, and nothing else. */
  readonly repair?: boolean;
  /** Whatever the link says, the account is looked at before anything is written. */
  readonly readBack?: boolean;
}

/** Somebody with a waiting desired state who is not wanted (any more), and has no account by us. */
export interface Unwanted {
  readonly sourceId: string;
  readonly cause: Cause;
}

/** Someone who is not wanted and whose address an account of Omni's has: to be known, and left alone until somebody looked. */
export interface Stray {
  readonly sourceId: string;
  readonly desired: DesiredUser;
  readonly protected: boolean;
  readonly account: KnownAccount;
}

/** gone: a source that reports deletions surely has said so. */
export type Cause = 'outOfScope' | 'inactive' | 'gone';
export type Presence = Cause | 'rejected' | 'known';

export interface State {
  readonly index: LinkIndex;
  /** Everyone met in this read who was not simply unchanged. */
  readonly met: Map<string, Presence>;
  readonly late: Map<string, Verdict>;
  readonly strays: Map<string, Stray>;
  /** Those met out of scope or inactive who are protected. */
  readonly shielded: Set<string>;
  readonly rejections: Rejection[];
  /** Ids and addresses that several people claim; in a read of changes, those of the reads before it too. */
  readonly contested: Set<string>;
  readonly changes: Record<ChangeKind, number>;
  /** Those that only set back what drifted, which no change counts. */
  repairs: number;
  /** People whose account is looked at first. */
  looks: number;
  read: number;
  inScope: number;
  /** Records without a usable id: whose they are is unknown, so nobody counts as absent. */
  nameless: number;
}

/** Nobody met yet. */
export function begin(index: LinkIndex, contested: Iterable<string> = []): State {
  const met = new Map<string, Presence>();
  return {
    index,
    met,
    late: new Map(),
    strays: new Map(),
    shielded: new Set(),
    rejections: [],
    contested: new Set(contested),
    changes: noChanges(),
    repairs: 0,
    looks: 0,
    read: 0,
    inScope: 0,
    nameless: 0,
  };
}

/** How an id, or an address in the form that addresses are compared in, is called among the contested. */
export const claim = {
  id: (sourceId: string) => `id ${sourceId}`,
  address: (addressKey: string) => `address ${addressKey}`,
};

/** Another record has this person's id, or had it when everybody was read. */
export function isClaimed(state: State, sourceId: string): boolean {
  return state.met.has(sourceId) || state.contested.has(claim.id(sourceId));
}

/** Another record has this person's id or address: neither is followed. */
export function twin(state: State, sourceId: string, field: 'id' | 'userName'): void {
  if (field === 'id') state.contested.add(claim.id(sourceId));
  const reason = `another record has the same ${field}: give each person one of their own in the directory`;
  refuse(state, sourceId, { code: `record.twin-${field}`, reason });
}

/** This person's record is not followed. */
export function refuse(state: State, sourceId: string, why: Pick<Rejection, 'code' | 'reason'>): void {
  withdraw(state, sourceId);
  state.rejections.push({ sourceId, ...why });
}

/** Met, and nothing is done for them; what has gone out with an earlier page stays. */
export function withdraw(state: State, sourceId: string): void {
  const before = state.met.get(sourceId);
  state.met.set(sourceId, 'rejected');
  state.late.delete(sourceId);
  if (before === 'known') state.inScope--;
}

/** Met, and not wanted. */
export function isOutside(presence: Presence | undefined): presence is Cause {
  return presence === 'outOfScope' || presence === 'inactive' || presence === 'gone';
}

/** Counts what is to be done for somebody. */
export function tell(state: State, { decision: { kind }, repair, readBack }: Verdict): void {
  if (readBack === true) state.looks++;
  if (kind === 'none' || kind === 'withhold') return;
  if (repair === true) state.repairs++;
  else state.changes[kind]++;
}
