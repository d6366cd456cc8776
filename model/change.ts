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

/** A directory record that cannot become a desired user. */
export interface Rejection {
  /** Absent where the record has no usable id. */
  readonly sourceId?: string;
  /** Where it stands in its source, as in `line 7`; absent where the source cannot say. */
  readonly where?: string;
  readonly code: string;
  readonly reason: string;
}

/** How a rejected record is called: by its id where it has one, and by its place where that is known. */
export function recordName({ sourceId, where }: Rejection): string {
  const name = sourceId ?? 'a record without an id';
  return where === undefined ? name : `${name} (${where})`;
}
