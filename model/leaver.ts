/** People who are about to be taken away. */

/** Why: gone from a complete read, inactive in the directory, or no longer in scope. */
export type LeaverCause = 'missing' | 'inactive' | 'outOfScope';

/**
 * grace: waits until it is due. held: more left than the guard allows, or nobody has looked at it yet; an operator
 * approves. approved: an operator has; waits until it is due. leaving: due and given to the workers.
 */
export type LeaverStage = 'grace' | 'held' | 'approved' | 'leaving';

/** What a held leaver waits for: somebody who looks at it first, or the guard, when they went missing or when due. */
export type HeldBy = 'review' | 'missing' | 'due';

/** What is remembered of a leaver from the first time that they were not wanted until they are back or gone. */
export interface Tombstone {
  readonly sourceId: string;
  readonly omniId: string;
  readonly userName: string;
  readonly cause: LeaverCause;
  /** When it was noticed, and from when on it may be done; milliseconds since 1970 by Redis's clock. */
  readonly since: number;
  readonly due: number;
  readonly stage: LeaverStage;
  /** Of a held one alone, with the reason in words. */
  readonly heldBy?: HeldBy;
  readonly reason?: string;
}
