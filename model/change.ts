/** The words for what differs: one entry of a plan, and the counts of a run. */

export const CHANGE_KINDS = [
  'create',
  'adopt',
  'update',
  'rename',
  'deactivate',
  'return',
  'relink',
] as const;

export type ChangeKind = (typeof CHANGE_KINDS)[number];

export type ChangeCounts = Readonly<Record<ChangeKind, number>>;

/** A fresh count of nothing. */
export function noChanges(): Record<ChangeKind, number> {
  return { create: 0, adopt: 0, update: 0, rename: 0, deactivate: 0, return: 0, relink: 0 };
}

/** A directory record that cannot become a desired user. `where` is how its file names it: a line, a DN's hash. */
export interface Rejection {
  /** Absent where the record has no usable id. */
  readonly sourceId?: string;
  readonly code: string;
  readonly reason: string;
}
