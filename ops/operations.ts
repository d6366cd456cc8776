/**
 * What an operator may look at and ask of one sync: the one list behind the commands, the HTTP interface and the pages, so
 * that all of them do the same and leave the same audit record. The floors above hand it in; nothing here does anything.
 */
import type { StoredTombstone } from '../ledger/leavers.ts';
import type { SetAside } from '../ledger/quarantine.ts';
import type { UnmatchedAccount } from '../ledger/review.ts';
import type { Rejection } from '../model/change.ts';
import type { SyncStatus } from './status.ts';

/** Who asks, for the audit record: `cli`, or the name of a token. */
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

/** One sync, as an operator deals with it. */
export interface Operations {
  readonly name: string;
  status(): Promise<SyncStatus>;
  leavers(): Promise<LeaversView>;
  failed(): Promise<FailedView>;
  /** Lets held leavers go; their grace still runs. @throws SyncError `unsafe` `approve.changed` where the held set is not that of `digest`. */
  approve(people: Named, digest: string, actor: Actor): Promise<ActDone & { readonly stillHeld: number }>;
  /** Leavers are not taken away, now or later. */
  keep(people: readonly string[], actor: Actor): Promise<ActDone>;
  /** Puts people who are set aside at the head of the queue. */
  retry(people: Named, actor: Actor): Promise<ActDone>;
  /** Sends nothing to Omni, of every process, from the request on that each has under way. Reconciles go on. */
  pause(actor: Actor): Promise<void>;
  /** Goes on; a key that Omni refused, and an Omni that did not answer, are tried again. */
  resume(actor: Actor): Promise<void>;
  /** Asks for a reconcile. Returns the ask's id. */
  resync(about: { readonly full: boolean }, actor: Actor): Promise<string>;
}
