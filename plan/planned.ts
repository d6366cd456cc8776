/**
 * One row of a plan: a person, what is to be done for them, and by what it is known again. Pure. A row that is carried
 * out later is held to all of it: where anything differs by then, the person is left alone.
 */
import { hash } from 'node:crypto';
import type { ChangeKind } from '../model/change.ts';
import type { HeldBy, LeaverCause, LeaverStage } from '../model/leaver.ts';
import type { Link } from '../model/link.ts';
import type { KnownAccount } from './decide.ts';

/**
 * newHire: nobody knows an account of theirs. present: Omni has an account under their address. changed: a field differs.
 * back: we took the account away before. newId: the same address under another sourceId.
 */
export type PlanCause = 'newHire' | 'present' | 'changed' | 'back' | 'newId' | LeaverCause;

/** What is to be done for one person. */
export interface PlannedChange {
  readonly sourceId: string;
  /** Null where no ledger has begun yet: refs are made by it. */
  readonly ref: string | null;
  /** withhold: there is a reason not to. */
  readonly kind: ChangeKind | 'withhold';
  readonly cause: PlanCause;
  readonly userName: string;
  readonly omniId: string | null;
  /** Whose account it is: one that we created, adopted, or may not touch; null where there is none yet. */
  readonly provenance: 'created' | 'adopted' | 'foreign' | 'protected' | null;
  /** Field → new value; attributes with an `@` before their reference. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Field → what Omni holds, where it was asked for. */
  readonly old?: Readonly<Record<string, unknown>>;
  /** The fingerprint of what is wanted, as the outbox names it. */
  readonly version: string;
  /** What was remembered of the account, or shown of it, in short; empty where nothing was. */
  readonly was: string;
  /** Requests to Omni. */
  readonly calls: number;
  /** Why it is withheld, or not tried. */
  readonly note: string | null;
}

/**
 * How somebody stands who is not wanted any more: as `LeaverStage`; or kept by an operator; or protected; or only shown,
 * because the policy takes nobody away.
 */
export type PlannedStage = LeaverStage | 'kept' | 'protected' | 'shown';

/** Somebody who is not wanted any more. */
export interface PlannedLeaver {
  readonly sourceId: string;
  readonly ref: string | null;
  readonly omniId: string;
  readonly userName: string;
  readonly cause: LeaverCause;
  readonly stage: PlannedStage;
  /** ISO 8601: when it was noticed, and from when on it may be done; null where it is not remembered. */
  readonly since: string | null;
  readonly due: string | null;
  readonly heldBy: HeldBy | null;
  readonly reason: string | null;
}

/** A link, or an account that was listed, in 12 characters: another one, or another state of it, has others. */
export function markOfAccount(link: Link | undefined, account: KnownAccount | undefined): string {
  if (link !== undefined) {
    const { sourceId, omniId, userName, provenance, state, confirmed } = link;
    return short([sourceId, omniId, userName, provenance, state, link.protected, [...confirmed].sort()]);
  }
  if (account === undefined) return '';
  return short([account.id, account.displayName, account.active]);
}

function short(value: unknown): string {
  return hash('sha256', JSON.stringify(value), 'base64url').slice(0, 12);
}

/** Why `now` is not what was planned; nothing where it is. */
export function whyChanged(planned: PlannedChange, now: PlannedChange): string | undefined {
  if (now.kind === 'withhold') return now.note ?? 'it is withheld now';
  if (planned.kind !== now.kind) return `it would be ${now.kind} now, and was ${planned.kind} in the plan`;
  if (planned.omniId !== now.omniId) return 'another account would be changed now';
  if (planned.version !== now.version) return 'what the directory says of this person has changed';
  if (planned.was !== now.was) return 'what is known of the account in Omni has changed';
  if (planned.cause !== now.cause)
    return `the cause is ${now.cause} now, and was ${planned.cause} in the plan`;
  if (JSON.stringify(sorted(planned.fields)) !== JSON.stringify(sorted(now.fields)))
    return 'other fields would be written now';
  return undefined;
}

function sorted(fields: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
}
