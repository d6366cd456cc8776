/** The words of the audit record: what one entry of it says. Ids and field names; values where the operator wants them. */

/** What was done, or is about to be. Nothing here names a person but by id, unless `values` is on. */
export interface AuditFacts {
  /**
   * send: a write to Omni that is about to be sent; answer: what came of it. A change's kind: it was carried out and
   * remembered; fail: it was not, and its person is set aside. Others: an operator's act, by its name.
   */
  readonly did: string;
  /** Ties an answer to its send, an act's end to its beginning, and the record on disk to Redis's view of it. */
  readonly id?: string;
  readonly sync?: string;
  /** Whose act it was: `cli:<user>`, the name of a token; of a run, who asked for it. */
  readonly who?: string;
  /** Why: a leaver's cause, `relink`, or `wanted`: the directory wants it so. */
  readonly cause?: string;
  readonly run?: string;
  readonly sourceId?: string;
  readonly omniId?: string;
  /** Of a send: create, update, activate, deactivate or delete. */
  readonly call?: string;
  readonly fields?: readonly string[];
  /** What was sent, field by field: only where `audit.values` is on. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** `done`, or the code of the error. */
  readonly outcome?: string;
  /** What Omni stored differently, or why it was refused; of an act, what it was given. */
  readonly note?: string;
  /** Of an act: whom it was done for, by sourceId. */
  readonly people?: readonly string[];
}

/** One entry, as it is read back. */
export interface AuditEntry extends AuditFacts {
  /** ISO 8601, by the clock of the host that wrote it. */
  readonly at: string;
}
