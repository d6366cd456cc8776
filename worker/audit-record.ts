/** The record that every write to Omni, and every adoption, leaves: ids and field names, never values. */

export interface AuditFacts {
  readonly did: string;
  readonly sourceId: string;
  readonly omniId?: string;
  readonly fields: readonly string[];
  readonly run: string;
  /** What Omni stored differently, or why it was refused. */
  readonly note?: string;
}

/** The facts as one line of JSON; Redis adds the time, as the id of its stream entry. */
export function auditRecord(facts: AuditFacts): string {
  return JSON.stringify(facts);
}
