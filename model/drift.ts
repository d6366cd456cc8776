/** What somebody changed in Omni by hand, as it is remembered and shown: fields, never values. */

/** report: says it. repair: sets it back. ignore: neither. */
export type DriftMode = 'report' | 'repair' | 'ignore';

/** A field that differs: `gone` (there is no such account), `active`, `userName`, `displayName`, or an `@reference`. */
export interface Drifted {
  readonly field: string;
  readonly mode: DriftMode;
}

/** What is remembered of one drifted field. Times are milliseconds since 1970 by Redis's clock. */
export interface DriftEntry {
  readonly mode: Exclude<DriftMode, 'ignore'>;
  /** When it was first, and last, found. */
  readonly since: number;
  readonly seen: number;
  /** The link has forgotten it: the next reconcile writes it. */
  readonly handed?: true;
}

/** One person whose account differs. */
export interface DriftRow {
  readonly sourceId: string;
  readonly omniId: string;
  /** By field. */
  readonly fields: Readonly<Record<string, DriftEntry>>;
}
