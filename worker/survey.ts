/**
 * Reads a directory once and says, person by person, what is to be done: the common part of a reconcile and of
 * `omni-sync plan`. Writes nothing. Changes of known people come as their page does; creates, adoptions and renames
 * come after the last page, when it is known who shares an address.
 */
import type { Directory } from '../directory/directory.ts';
import type { LinkIndex } from '../ledger/link-index.ts';
import type { Links, StoredLink } from '../ledger/links.ts';
import { type ChangeKind, noChanges, type Rejection } from '../model/change.ts';
import { isSyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import { addressKey, type DesiredUser } from '../model/person.ts';
import { type Decision, decide, type KnownAccount, type Rules } from '../plan/decide.ts';
import type { Mapped, Mapping } from '../plan/map.ts';

/** One person with what is to be done for them. */
export interface Verdict {
  readonly sourceId: string;
  readonly desired: DesiredUser;
  readonly protected: boolean;
  readonly fingerprint: Buffer;
  readonly link?: Link | undefined;
  readonly account?: KnownAccount | undefined;
  readonly decision: Decision;
}

/** Somebody with a waiting desired state who is not wanted (any more), and has no account by us. */
export interface Unwanted {
  readonly sourceId: string;
  readonly cause: Cause;
}

type Cause = 'outOfScope' | 'inactive';
type Presence = Cause | 'rejected' | 'known';

/** What a page, or the end of the read, brings. */
export interface SurveyPage {
  readonly verdicts: readonly Verdict[];
  readonly unwanted: readonly Unwanted[];
}

export interface Leaver {
  readonly link: Link;
  readonly cause: Cause | 'missing';
}

/** What is known when the read has ended. */
export interface SurveyEnd {
  readonly complete: boolean;
  /** The read came to its end: who has a usable id was met. */
  readonly ended: boolean;
  readonly problem?: string;
  readonly read: number;
  readonly inScope: number;
  readonly rejections: readonly Rejection[];
  readonly leavers: readonly Leaver[];
  readonly changes: Record<ChangeKind, number>;
}

export interface SurveyOptions {
  readonly directory: Directory;
  readonly mapping: Mapping;
  readonly fingerprint: (desired: DesiredUser, isProtected: boolean) => Buffer;
  readonly links: Links;
  readonly rules: Rules;
  /** Omni's accounts by address key, where the ledger is cold. */
  readonly accounts: ReadonlyMap<string, KnownAccount>;
  /** Look at everyone's link, whatever the fingerprints say. */
  readonly full: boolean;
  /** People who must be told of even where they are unchanged: a desired state of theirs waits. */
  readonly waiting: (sourceId: string) => boolean;
  readonly signal?: AbortSignal;
}

/** Reads the directory and yields what is to be done. @throws whatever a bug or Redis throws; an incomplete read is an end. */
export async function* survey(options: SurveyOptions): AsyncGenerator<SurveyPage, SurveyEnd> {
  const state = begin(await options.links.index());
  let problem: string | undefined;
  try {
    for await (const records of options.directory.pages(options.signal)) {
      state.read += records.length;
      yield await surveyPage(records.map(options.mapping.map), state, options);
    }
  } catch (error) {
    if (!isSyncError(error, 'incomplete') || options.signal?.aborted === true) throw error;
    problem = error.message;
  }
  const complete = problem === undefined && state.nameless === 0;
  const leavers = await findLeavers(state, options.links, complete);
  yield { verdicts: await withoutTwins(state, options), unwanted: [] };
  return {
    complete,
    ended: problem === undefined,
    ...reasonOf(problem, state.nameless),
    read: state.read,
    inScope: state.inScope,
    rejections: state.rejections,
    leavers,
    changes: state.changes,
  };
}

interface State {
  readonly index: LinkIndex;
  /** Everyone met in this read who was not simply unchanged. */
  readonly met: Map<string, Presence>;
  readonly late: Map<string, Verdict>;
  readonly rejections: Rejection[];
  readonly changes: Record<ChangeKind, number>;
  read: number;
  inScope: number;
  /** Records without a usable id: whose they are is unknown, so nobody counts as absent. */
  nameless: number;
}

function begin(index: LinkIndex): State {
  const met = new Map<string, Presence>();
  return {
    index,
    met,
    late: new Map(),
    rejections: [],
    changes: noChanges(),
    read: 0,
    inScope: 0,
    nameless: 0,
  };
}

function reasonOf(problem: string | undefined, nameless: number): { problem?: string } {
  if (problem !== undefined) return { problem };
  if (nameless === 0) return {};
  return { problem: `${nameless} records have no usable id, so it is not known who is absent` };
}

async function surveyPage(
  page: readonly Mapped[],
  state: State,
  options: SurveyOptions,
): Promise<SurveyPage> {
  const unwanted: Unwanted[] = [];
  const open: Open[] = [];
  for (const mapped of page) {
    if (mapped.verdict === 'rejected') reject(state, mapped.rejection);
    else if (mapped.verdict === 'inScope') open.push(...meet(mapped, state, options));
    else unwanted.push(...turnAway(mapped, state, options));
  }
  const links = await options.links.of(open.map(({ sourceId }) => sourceId));
  for (const person of open) rejectChangedTwin(person, links.get(person.sourceId), state);
  const verdicts = open.map((person) => judge(person, links.get(person.sourceId)?.link, options));
  return { verdicts: verdicts.filter((verdict) => isEarly(verdict, state)), unwanted };
}

type Open = Omit<Verdict, 'decision' | 'link' | 'account'>;
type Outside = { readonly sourceId: string; readonly verdict: Cause };

function turnAway({ sourceId, verdict }: Outside, state: State, options: SurveyOptions): Unwanted[] {
  if (state.met.has(sourceId)) {
    twin(state, sourceId, 'id');
    return [];
  }
  state.met.set(sourceId, verdict);
  return options.waiting(sourceId) ? [{ sourceId, cause: verdict }] : [];
}

function reject(state: State, rejection: Rejection): void {
  state.rejections.push(rejection);
  if (rejection.sourceId === undefined) state.nameless++;
  else withdraw(state, rejection.sourceId);
}

/** A person in scope who needs a closer look; nothing for one in step, and for the second record of one id. */
function meet(mapped: Extract<Mapped, { verdict: 'inScope' }>, state: State, options: SurveyOptions): Open[] {
  const { desired } = mapped;
  const { sourceId } = desired;
  const fingerprint = options.fingerprint(desired, mapped.protected);
  const seen = state.index.see(sourceId, fingerprint);
  if (seen === 'again' && !state.met.has(sourceId)) state.met.set(sourceId, 'known');
  if (state.met.has(sourceId)) {
    twin(state, sourceId, 'id');
    return [];
  }
  state.inScope++;
  if (seen === 'first' && !options.full && !options.waiting(sourceId)) return [];
  state.met.set(sourceId, 'known');
  return [{ sourceId, desired, protected: mapped.protected, fingerprint }];
}

/** The first record of this person was unchanged and is in no map: the link's fingerprint tells that it was met. */
function rejectChangedTwin(person: Open, stored: StoredLink | undefined, state: State): void {
  if (stored === undefined || stored.fingerprint.equals(person.fingerprint)) return;
  if (!state.index.wasSeen(stored.bucket, stored.fingerprint)) return;
  if (state.met.get(person.sourceId) !== 'known') return;
  // Both records were counted.
  state.inScope--;
  twin(state, person.sourceId, 'id');
}

function twin(state: State, sourceId: string, field: 'id' | 'userName'): void {
  withdraw(state, sourceId);
  state.rejections.push({
    sourceId,
    code: `record.twin-${field}`,
    reason: `another record has the same ${field}: give each person one of their own in the directory`,
  });
}

/** Met, and nothing is done for them; what has gone out with an earlier page stays. */
function withdraw(state: State, sourceId: string): void {
  const before = state.met.get(sourceId);
  state.met.set(sourceId, 'rejected');
  state.late.delete(sourceId);
  if (before === 'known') state.inScope--;
}

function judge(person: Open, link: Link | undefined, options: SurveyOptions): Verdict {
  const account = link === undefined ? options.accounts.get(addressKey(person.desired.userName)) : undefined;
  return { ...person, link, account, decision: decide({ ...person, link, account }, options.rules) };
}

/** Counts a verdict, and keeps for the end what must wait for it. */
function isEarly(verdict: Verdict, state: State): boolean {
  if (state.met.get(verdict.sourceId) !== 'known') return false;
  const { kind } = verdict.decision;
  if (kind === 'none' || kind === 'update') {
    if (kind === 'update') state.changes.update++;
    return true;
  }
  state.late.set(verdict.sourceId, verdict);
  return false;
}

/** Those who waited for the end, less everyone whose address another has. */
async function withoutTwins(state: State, options: SurveyOptions): Promise<Verdict[]> {
  const byAddress = new Map<string, string[]>();
  for (const { desired, sourceId } of state.late.values()) {
    const key = addressKey(desired.userName);
    byAddress.set(key, [...(byAddress.get(key) ?? []), sourceId]);
  }
  if (byAddress.size > 0) await addHolders(byAddress, state, options.links);
  for (const sourceIds of byAddress.values()) {
    if (sourceIds.length < 2) continue;
    for (const sourceId of sourceIds) if (state.late.has(sourceId)) twin(state, sourceId, 'userName');
  }
  const verdicts = [...state.late.values()];
  for (const { decision } of verdicts) {
    if (decision.kind !== 'none' && decision.kind !== 'withhold') state.changes[decision.kind]++;
  }
  return verdicts;
}

/** Adds who holds one of these addresses already, unless they are about to give it up. */
async function addHolders(byAddress: Map<string, string[]>, state: State, links: Links): Promise<void> {
  if (state.index.size === 0) return;
  for await (const page of links.stored()) {
    for (const { link } of page) {
      const claimants = byAddress.get(addressKey(link.userName));
      const leaves = state.late.get(link.sourceId)?.decision.kind === 'rename';
      if (claimants !== undefined && !leaves && !claimants.includes(link.sourceId))
        claimants.push(link.sourceId);
    }
  }
}

/** Linked people who are not (or no longer) wanted; the missing only after a complete read. */
async function findLeavers(state: State, links: Links, complete: boolean): Promise<Leaver[]> {
  const leavers: Leaver[] = [];
  for await (const page of links.stored(state.index.unseenBuckets())) {
    for (const { link, bucket, fingerprint } of page) {
      const presence = state.met.get(link.sourceId);
      if (presence === 'rejected' || presence === 'known' || state.index.wasSeen(bucket, fingerprint))
        continue;
      if (presence !== undefined) leavers.push({ link, cause: presence });
      else if (complete) leavers.push({ link, cause: 'missing' });
    }
  }
  return leavers;
}
