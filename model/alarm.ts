/** What an operator is told of by itself. Never holds a name, an address or a value of a person. */

export type AlarmEvent =
  | 'held'
  | 'halted'
  | 'quarantined'
  | 'incomplete'
  | 'silence'
  | 'hollow'
  | 'drift'
  | 'keyRefused'
  | 'redis';

/** Something that holds now. */
export interface Alarm {
  readonly event: AlarmEvent;
  /** What it is about, within a sync: two with one key are one alarm. */
  readonly key: string;
  /** Why it holds; another cause is told again. A number: only a larger one is. */
  readonly cause: string | number;
  /** A sentence for people. */
  readonly text: string;
  /** Counts, refs and codes. */
  readonly facts: Readonly<Record<string, string | number | readonly string[]>>;
}
