/**
 * What an operator may look at and ask of one sync: the one list behind the commands, the HTTP interface and the pages, so
 * that all of them do the same and leave the same audit record. The floors above hand it in; nothing here does anything.
 */
import type { StoredHeld } from '../ledger/held.ts';
import type { StoredTombstone } from '../ledger/leavers.ts';
import type { SetAside } from '../ledger/quarantine.ts';
import type { UnmatchedAccount } from '../ledger/review.ts';
import type { PersonOutcome } from '../model/asked.ts';
import type { Rejection } from '../model/change.ts';
import type { DriftList } from './drift-view.ts';
import type { Explanation } from './explanation.ts';
import type { RunView, SyncView } from './status.ts';

/** Who asks, for the audit record: `cli:` and the user, or the name of a token. */
export type Actor = string;

/** People as an operator names them (a sourceId, an address or a ref each), or all that the act is about. */
export type Named = readonly string[] | 'all';

/** Who is about to be taken away. */
export interface LeaversView {
  readonly name: string;
  readonly held: number;
  /** Of the held set, to approve it with; null where nobody is held. */
  readonly digest: string | null;
  /** By the time that they are due. */
  readonly leavers: readonly StoredTombstone[];
  /** Accounts to adopt and links to move that wait for a word, and those whose account an operator keeps as it is. */
  readonly changes: readonly StoredHeld[];
  /** Of those that wait, to approve them with; null where none does. */
  readonly changesDigest: string | null;
  /** People whom an operator keeps from being taken away. */
  readonly kept: readonly { readonly sourceId: string; readonly ref: string; readonly userName: string }[];
  /** Accounts that nobody in the directory had when Omni was last listed. */
  readonly unmatched: readonly UnmatchedAccount[];
}

/** Who is stuck, oldest first, and which records cannot become a person. */
export interface FailedView {
  readonly name: string;
  readonly failed: readonly SetAside[];
  readonly rejected: readonly Rejection[];
}

/** Whom an act was done for, by sourceId, and which names are nobody's that it could be done for. */
export interface ActDone {
  readonly done: readonly string[];
  readonly unknown: readonly string[];
}

/** What is asked for: a reconcile, or one person ahead of the backlog. */
export interface ResyncAbout {
  /** Distrust what the links remember. */
  readonly full: boolean;
  /** A sourceId, an address or a ref. */
  readonly user?: string;
}

/**
 * How far an ask has come. running: it is being looked at, or the person's change is about to be sent. done: with the run
 * that did it, or what came of the person. unknown: never asked, or longer than a day ago.
 */
export type AskView =
  | { readonly state: 'waiting' | 'running' | 'unknown' }
  | { readonly state: 'done'; readonly run: RunView | null; readonly person: PersonOutcome | null };

/** One sync, as an operator deals with it. */
export interface Operations {
  readonly name: string;
  status(): Promise<SyncView>;
  leavers(): Promise<LeaversView>;
  failed(): Promise<FailedView>;
  /** Who was changed in Omni by hand. */
  drift(): Promise<DriftList>;
  /** Lets held leavers go, whose grace still runs, or held changes: `digest` says which. @throws SyncError `unsafe` `approve.changed` where the held set is not that of `digest`. */
  approve(people: Named, digest: string, actor: Actor): Promise<ActDone & { readonly stillHeld: number }>;
  /** Leavers are not taken away, now or later; a held change is not made, now or later: the account stays as it is. */
  keep(people: readonly string[], actor: Actor): Promise<ActDone>;
  /** Takes a `keep` back: the next reconcile decides again. */
  unkeep(people: readonly string[], actor: Actor): Promise<ActDone>;
  /** Puts people who are set aside at the head of the queue. */
  retry(people: Named, actor: Actor): Promise<ActDone>;
  /** Sends nothing to Omni, of every process, from the request on that each has under way. Reconciles go on. */
  pause(actor: Actor): Promise<void>;
  /** Goes on; a key that Omni refused, and an Omni that did not answer, are tried again. */
  resume(actor: Actor): Promise<void>;
  /** Asks for a reconcile, or for one person. Asked for twice it is done once. Returns the ask's id. */
  resync(about: ResyncAbout, actor: Actor): Promise<string>;
  ask(id: string): Promise<AskView>;
  /** One person's whole story; nothing where nobody is called so, neither here nor in the directory. Works in any state of the sync. */
  explain(person: string): Promise<Explanation | undefined>;
  /** The newest runs, newest first. */
  runs(limit: number): Promise<readonly RunView[]>;
}
