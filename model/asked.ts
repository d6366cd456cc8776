/** What came of looking at one person whom somebody asked for. */

/**
 * | outcome | means |
 * |---|---|
 * | inStep | Omni has them as the directory wants them, or has no account of theirs and needs none |
 * | queued | their change is the very next to be sent |
 * | leaver | not wanted; what is remembered of that says when they are taken away, if ever |
 * | waits | what is to be done needs a whole read first |
 * | setAside | Omni refused it, or a rule of the configuration forbids it |
 * | rejected | the record cannot become a person |
 * | unread | the directory could not be asked |
 * | unknown | nobody is called so, neither here nor in the directory |
 */
export type Outcome =
  | 'inStep'
  | 'queued'
  | 'leaver'
  | 'waits'
  | 'setAside'
  | 'rejected'
  | 'unread'
  | 'unknown';

export interface PersonOutcome {
  readonly outcome: Outcome;
  /** Absent where nobody was found. */
  readonly sourceId?: string;
  readonly ref?: string;
  /** In words, for an operator: why, and what happens next. */
  readonly says: string;
}
