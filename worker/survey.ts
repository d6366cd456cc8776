/**
 * Reads a directory once and says, person by person, what is to be done: the common part of a reconcile and of
 * `omni-sync plan`. Writes nothing. Changes of known people come as their page does; creates, adoptions and renames
 * come after the last page, when it is known who shares an address.
 */
import type { Directory } from '../directory/directory.ts';
import type { Links, StoredLink } from '../ledger/links.ts';
import type { ChangeKind, Rejection } from '../model/change.ts';
import { isSyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import { addressKey, type DesiredUser } from '../model/person.ts';
import { decide, type KnownAccount, type Rules } from '../plan/decide.ts';
import type { Mapped, Mapping } from '../plan/map.ts';
import { type Definition, holdable } from '../plan/usable.ts';
import { mapPage } from './map-page.ts';
import { findRelinks, lateVerdicts } from './survey-addresses.ts';
import { findLeavers, type Leaver, type ReadEnd } from './survey-leavers.ts';
import {
  begin,
  type Cause,
  type Presence,
  type State,
  type Stray,
  twin,
  type Unwanted,
  type Verdict,
  withdraw,
} from './survey-state.ts';

/** What a page, or the end of the read, brings. */
export interface SurveyPage {
  readonly verdicts: readonly Verdict[];
  readonly unwanted: readonly Unwanted[];
  /** Only with the last page. */
  readonly strays: readonly Stray[];
  /** Links as they are to be, of people who are not wanted and whose protection has changed; only with the last page. */
  readonly shields: readonly StoredLink[];
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
  readonly accounts: { get(addressKey: string): KnownAccount | undefined };
  /** Look at everyone's link, whatever the fingerprints say. */
  readonly full: boolean;
  /** Omni's attribute definitions, where they are known. */
  readonly definitions: readonly Definition[] | undefined;
  /** People who must be told of even where they are unchanged: a desired state of theirs waits. */
  readonly waiting: (sourceId: string) => boolean;
  /** People who must be met even where they are unchanged: leavers who may be back. */
  readonly watched: (sourceId: string) => boolean;
  /** Told of the leavers at the read's end; says whether links may move to new sourceIds. */
  readonly consider: (end: ReadEnd) => Promise<{ readonly relinksAllowed: boolean }>;
  readonly signal?: AbortSignal;
}

/** Reads the directory and yields what is to be done. @throws whatever a bug or Redis throws; an incomplete read is an end. */
export async function* survey(options: SurveyOptions): AsyncGenerator<SurveyPage, SurveyEnd> {
  const state = begin(await options.links.index());
  let problem: string | undefined;
  try {
    for await (const records of options.directory.pages(options.signal)) {
      state.read += records.length;
      yield await surveyPage(mapPage(records, options.mapping), state, options);
    }
  } catch (error) {
    if (!isSyncError(error, 'incomplete') || options.signal?.aborted === true) throw error;
    problem = error.message;
  }
  const complete = problem === undefined && state.nameless === 0;
  const relinks = await findRelinks(state, { links: options.links, complete });
  const { leavers, shields } = await findLeavers(state, { links: options.links, complete, relinks });
  const inherited = new Set([...relinks.values()].map(({ sourceId }) => sourceId));
  const present = (sourceId: string) => isPresent(state.met.get(sourceId)) || inherited.has(sourceId);
  const about = { complete, leavers, relinks, active: state.index.active, present };
  const { relinksAllowed: allowed } = await options.consider(about);
  yield {
    verdicts: lateVerdicts(state, relinks, { allowed, rules: options.rules }),
    unwanted: [],
    strays: strays(state),
    shields,
  };
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

function reasonOf(problem: string | undefined, nameless: number): { problem?: string } {
  if (problem !== undefined) return { problem };
  if (nameless === 0) return {};
  const records = nameless === 1 ? 'one record has' : `${nameless} records have`;
  return { problem: `${records} no usable id, so it is not known who is absent` };
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
  return {
    verdicts: verdicts.filter((verdict) => isEarly(verdict, state)),
    unwanted,
    strays: [],
    shields: [],
  };
}

type Open = Omit<Verdict, 'decision' | 'link' | 'account'>;
type Outside = Extract<Mapped, { verdict: Cause }>;

function turnAway(outside: Outside, state: State, options: SurveyOptions): Unwanted[] {
  const { sourceId, verdict } = outside;
  if (state.met.has(sourceId)) {
    twin(state, sourceId, 'id');
    return [];
  }
  state.met.set(sourceId, verdict);
  if (outside.protected) state.shielded.add(sourceId);
  noteStray(outside, state, options);
  return options.waiting(sourceId) ? [{ sourceId, cause: verdict }] : [];
}

/** A ledger that knows nobody must know of these too: or nobody would ever take their accounts away. */
function noteStray(outside: Outside, state: State, { rules, accounts }: SurveyOptions): void {
  const { sourceId, desired } = outside;
  const account = desired && accounts.get(addressKey(desired.userName));
  if (rules.policy !== 'full' || rules.adopt !== 'always' || desired === undefined) return;
  if (account?.active !== true) return;
  state.strays.set(sourceId, { sourceId, desired, protected: outside.protected, account });
}

/** Less those whose address somebody in scope has, or another of them: whose account it is, nobody knows. */
function strays(state: State): Stray[] {
  const all = [...state.strays.values()];
  const keyOf = ({ desired }: { desired: DesiredUser }) => addressKey(desired.userName);
  const claims = new Map<string, number>();
  for (const key of [...state.late.values(), ...all].map(keyOf)) claims.set(key, (claims.get(key) ?? 0) + 1);
  return all.filter((stray) => claims.get(keyOf(stray)) === 1);
}

function isPresent(presence: Presence | undefined): boolean {
  return presence === 'known' || presence === 'rejected';
}

function reject(state: State, rejection: Rejection): void {
  state.rejections.push(rejection);
  if (rejection.sourceId === undefined) state.nameless++;
  else withdraw(state, rejection.sourceId);
}

/** A person in scope who needs a closer look; nothing for one in step, and for the second record of one id. */
function meet(mapped: Extract<Mapped, { verdict: 'inScope' }>, state: State, options: SurveyOptions): Open[] {
  const desired = holdable(mapped.desired, options.definitions);
  const { sourceId } = desired;
  const fingerprint = options.fingerprint(desired, mapped.protected);
  const seen = state.index.see(sourceId, fingerprint);
  if (seen === 'again' && !state.met.has(sourceId)) state.met.set(sourceId, 'known');
  if (state.met.has(sourceId)) {
    twin(state, sourceId, 'id');
    return [];
  }
  state.inScope++;
  if (seen === 'first' && !options.full && !options.waiting(sourceId) && !options.watched(sourceId))
    return [];
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
