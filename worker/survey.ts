/**
 * Reads a directory once and says, person by person, what is to be done: the common part of a reconcile and of
 * `omni-sync plan`. Writes nothing. Changes of known people come as their page does; creates, adoptions and renames
 * come after the last page, when it is known who shares an address.
 */
import type { ChangesPage } from '../directory/directory.ts';
import type { Links, StoredLink } from '../ledger/links.ts';
import type { ChangeKind, Rejection } from '../model/change.ts';
import { isSyncError } from '../model/errors.ts';
import type { HeldAnswer, HeldClaim } from '../model/held.ts';
import type { Link } from '../model/link.ts';
import type { DesiredUser } from '../model/person.ts';
import type { KnownAccount, Rules } from '../plan/decide.ts';
import type { Mapped, Mapping } from '../plan/map.ts';
import type { Definition } from '../plan/usable.ts';
import { judge, type Open, openOf } from './judge.ts';
import { mapPage } from './map-page.ts';
import { findRelinks, lateVerdicts } from './survey-addresses.ts';
import { findLeavers, type Leaver, type ReadEnd } from './survey-leavers.ts';
import { noteGone, strays, turnAway } from './survey-outside.ts';
import {
  begin,
  isClaimed,
  type Presence,
  type State,
  type Stray,
  tell,
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
  /** Everybody was read, and it is known who is absent. */
  readonly complete: boolean;
  /** The read came to its end: who has a usable id, and in a read of changes has changed, was met. */
  readonly ended: boolean;
  readonly problem?: string;
  readonly read: number;
  readonly inScope: number;
  /** Those of them who have no account yet, and did not wait for one before. */
  readonly joined: number;
  readonly rejections: readonly Rejection[];
  /** Whether this person, if watched, was met. */
  readonly met: (sourceId: string) => boolean;
  readonly contested: ReadonlySet<string>;
  readonly leavers: readonly Leaver[];
  readonly changes: Record<ChangeKind, number>;
  readonly repairs: number;
  readonly looks: number;
}

/** What a read of changes, in which most people are not met, must know of them. */
export interface AmongChanges {
  /** What several people claimed, as earlier reads have it. */
  readonly contested: readonly string[];
  /** sourceId → the address that waits to be given to them. */
  readonly pending: ReadonlyMap<string, string>;
}

export interface SurveyOptions {
  readonly directory: { pages(signal?: AbortSignal): AsyncIterable<ChangesPage> };
  /** The directory gives only who changed; left out: everybody. */
  readonly among?: AmongChanges | undefined;
  readonly mapping: Mapping;
  readonly fingerprint: (desired: DesiredUser, isProtected: boolean) => Buffer;
  readonly links: Links;
  readonly rules: Rules;
  /** Omni's accounts by address key, where the ledger is cold. */
  readonly accounts: { get(addressKey: string): KnownAccount | undefined };
  /** Look at everyone's link, whatever the fingerprints say. */
  readonly full: boolean;
  /** Whose account is to be looked at, whatever their link says. */
  readonly distrusts?: (link: Link, desired: DesiredUser) => boolean;
  /** The drifted fields that this person's link has forgotten, so that they are set back. */
  readonly handed?: (sourceId: string) => readonly string[] | undefined;
  /** Omni's attribute definitions, where they are known. */
  readonly definitions: readonly Definition[] | undefined;
  /** People who must be told of even where they are unchanged: a desired state of theirs waits. */
  readonly waiting: (sourceId: string) => boolean;
  /** People who must be met even where they are unchanged: leavers who may be back. */
  readonly watched: (sourceId: string) => boolean;
  /** What an operator has said of a claim to an account. */
  readonly answer: (claim: HeldClaim) => HeldAnswer | undefined;
  /** Told of the leavers at the read's end; says whether links may move to new sourceIds. */
  readonly consider: (end: ReadEnd) => Promise<{ readonly relinksAllowed: boolean }>;
  readonly signal?: AbortSignal;
}

/** Reads the directory and yields what is to be done. @throws whatever a bug or Redis throws; an incomplete read is an end. */
export async function* survey(options: SurveyOptions): AsyncGenerator<SurveyPage, SurveyEnd> {
  const { among } = options;
  const state = begin(await options.links.index(), among?.contested);
  let problem: string | undefined;
  try {
    for await (const records of options.directory.pages(options.signal)) {
      state.read += records.length;
      const page = await surveyPage(mapPage(records, options.mapping), state, options);
      yield { ...page, unwanted: [...page.unwanted, ...noteGone(records, state, options)] };
    }
  } catch (error) {
    if (!isSyncError(error, 'incomplete') || options.signal?.aborted === true) throw error;
    problem = error.message;
  }
  const complete = among === undefined && problem === undefined && state.nameless === 0;
  const read = { links: options.links, complete, ...(among && { pending: among.pending }) };
  const relinks = await findRelinks(state, read);
  const { leavers, shields } = await findLeavers(state, { ...read, relinks });
  const inherited = new Set([...relinks.values()].map(({ sourceId }) => sourceId));
  const present = (sourceId: string) => isPresent(state.met.get(sourceId)) || inherited.has(sourceId);
  const about = { complete, leavers, relinks, active: state.index.active, present };
  const { relinksAllowed: allowed } = await options.consider(about);
  yield {
    verdicts: lateVerdicts(state, relinks, { ...options, allowed }),
    unwanted: [],
    strays: strays(state),
    shields,
  };
  return {
    complete,
    ended: problem === undefined,
    ...reasonOf(problem, among === undefined ? state.nameless : 0),
    read: state.read,
    inScope: state.inScope,
    joined: joiners(state, options),
    met: (sourceId) => state.met.has(sourceId),
    contested: state.contested,
    rejections: state.rejections,
    leavers,
    changes: state.changes,
    repairs: state.repairs,
    looks: state.looks,
  };
}

function reasonOf(problem: string | undefined, nameless: number): { problem?: string } {
  if (problem !== undefined) return { problem };
  if (nameless === 0) return {};
  const records = nameless === 1 ? 'one record has' : `${nameless} records have`;
  return { problem: `${records} no usable id, so it is not known who is absent` };
}

function joiners(state: State, { waiting }: SurveyOptions): number {
  const late = [...state.late.values()];
  return late.filter(({ sourceId, link }) => link === undefined && !waiting(sourceId)).length;
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
  const person = openOf(mapped, options);
  const { sourceId } = person;
  const seen = state.index.see(sourceId, person.fingerprint);
  if (seen === 'again' && !state.met.has(sourceId)) state.met.set(sourceId, 'known');
  if (isClaimed(state, sourceId)) {
    twin(state, sourceId, 'id');
    return [];
  }
  state.inScope++;
  if (seen === 'first' && !options.full && !options.waiting(sourceId) && !options.watched(sourceId))
    return [];
  state.met.set(sourceId, 'known');
  return [person];
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

/** Counts a verdict, and keeps for the end what must wait for it. */
function isEarly(verdict: Verdict, state: State): boolean {
  if (state.met.get(verdict.sourceId) !== 'known') return false;
  const { kind } = verdict.decision;
  if (kind === 'none' || kind === 'update') {
    tell(state, verdict);
    return true;
  }
  state.late.set(verdict.sourceId, verdict);
  return false;
}
