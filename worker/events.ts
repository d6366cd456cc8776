/** What the worker tells as it goes: a line a change, a line a run, and the steps between which it may be killed. */

import type { VerifyPass } from '../ledger/drift.ts';
import type { RunFindings } from '../ledger/runs.ts';
import type { ChangeKind } from '../model/change.ts';
import type { Drifted } from '../model/drift.ts';
import type { SyncError } from '../model/errors.ts';
import type { StandstillChange } from './standstill.ts';

/** The points at which a death is interesting; tests kill the process there. */
export type Step =
  | 'reconcile.read'
  | 'reconcile.outbox'
  | 'reconcile.jobs'
  | 'reconcile.believed'
  | 'apply.taken'
  | 'apply.intent'
  | 'apply.answered'
  | 'apply.committed';

export interface AppliedEvent {
  readonly ref: string;
  readonly sourceId: string;
  readonly omniId?: string;
  readonly kind: ChangeKind;
  readonly fields: readonly string[];
  readonly run: string;
  /** Why, where the directory is not why. */
  readonly cause?: 'drift';
  readonly calls: number;
}

export interface SetbackEvent {
  readonly ref: string;
  readonly sourceId?: string;
  readonly code: string;
  readonly message: string;
  readonly consequence: string;
  readonly error: SyncError | Error;
}

export interface Events {
  step(step: Step): void;
  reconciled(event: RunFindings & { readonly run: string; readonly cold: boolean }): void;
  applied(event: AppliedEvent): void;
  /** Omni stored something else than was sent. */
  stored(event: {
    readonly ref: string;
    readonly omniId: string;
    readonly differences: readonly { field: string; kind: string }[];
  }): void;
  /** Somebody's account was changed in Omni by hand: new fields of it, which nobody was told of before. */
  drifted(event: {
    readonly ref: string;
    readonly omniId: string;
    readonly fields: readonly Drifted[];
  }): void;
  /** A verify pass has ended. `repairs`: people whom the next reconcile sets back. */
  verified(event: VerifyPass & { readonly drifted: number; readonly repairs: number }): void;
  /** Mapped attributes that Omni would drop: they are not sent. */
  leftOut(attributes: readonly { name: string; why: string }[]): void;
  /** Somebody was looked up by hand. */
  looked(event: { readonly ask: string; readonly ref?: string; readonly outcome: string }): void;
  /** A reconcile that broke off. */
  broken(event: { readonly run: string; readonly problem: string; readonly error: Error }): void;
  setback(event: SetbackEvent): void;
  /** Something keeps the sync from sending, or does no longer. */
  standstill(change: StandstillChange): void;
  /** A fault of the machinery itself: Redis, BullMQ. */
  trouble(error: Error): void;
}
