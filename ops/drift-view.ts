/** What somebody changed in Omni by hand, as commands, the HTTP interface and the pages show it: fields, never values. */
import type { DriftEntry } from '../model/drift.ts';

/** A field that differs. */
export interface DriftedField {
  /** `gone` (there is no such account), `active`, `userName`, `displayName`, or an `@reference`. */
  readonly field: string;
  /** report: said alone. repair: set back. */
  readonly mode: DriftEntry['mode'];
  /** When it was first found, ISO 8601. */
  readonly since: string;
  /** A reconcile is to set it back. */
  readonly handed: boolean;
}

/** A person whose account differs from what was last confirmed. */
export interface DriftedPerson {
  readonly ref: string;
  readonly sourceId: string;
  readonly omniId: string;
  /** As last confirmed; null where no account is linked any more. */
  readonly userName: string | null;
  readonly fields: readonly DriftedField[];
}

/** How the last comparison went. Times are ISO 8601. */
export interface PassView {
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Why it did not come to its end. */
  readonly problem: string | null;
  /** Accounts that were looked at, some of them twice. */
  readonly compared: number;
  readonly calls: number;
}

/** Who differs, and how that is known. */
export interface DriftList {
  readonly name: string;
  /** By sourceId. */
  readonly people: readonly DriftedPerson[];
  /** null where Omni was never compared. */
  readonly lastPass: PassView | null;
  /** ISO 8601; null without `verifySchedule`. */
  readonly nextPass: string | null;
  /** Of the host's budget: what passes may spend at most, from 0 to 1. */
  readonly share: number;
}

/** The fields of one person. */
export function driftedFields(fields: Readonly<Record<string, DriftEntry>>): DriftedField[] {
  return Object.entries(fields).map(([field, { mode, since, handed }]) => ({
    field,
    mode,
    since: new Date(since).toISOString(),
    handed: handed === true,
  }));
}
