/** What Omni holds of the fields that a plan would write: one request a person, under the budget. Writes nothing. */
import { isSyncError } from '../model/errors.ts';
import type { OmniUser } from '../model/person.ts';
import type { Omni } from '../omni/client.ts';
import type { PlannedChange } from '../plan/planned.ts';

/** Whether a row names fields of an account that is there: a new one has no old values, a removal needs none. */
export function hasOldValues({ kind, omniId, fields }: PlannedChange): boolean {
  return kind !== 'deactivate' && kind !== 'withhold' && omniId !== null && Object.keys(fields).length > 0;
}

export interface Looking {
  readonly omni: Pick<Omni, 'getUser'>;
  /** Requests under way at once. */
  readonly concurrency: number;
  readonly signal?: AbortSignal | undefined;
}

/** The rows with the old values of their fields. @throws SyncError as the client does; an account that is gone is a note. */
export async function withOldValues(
  rows: readonly PlannedChange[],
  looking: Looking,
): Promise<PlannedChange[]> {
  const looked = [...rows];
  const open = rows.keys();
  const work = async () => {
    for (const at of open) {
      const row = rows[at];
      if (row !== undefined && hasOldValues(row)) looked[at] = await lookAt(row, looking);
    }
  };
  await Promise.all(Array.from({ length: looking.concurrency }, work));
  return looked;
}

async function lookAt(row: PlannedChange, { omni, signal }: Looking): Promise<PlannedChange> {
  const user = await omni.getUser(row.omniId ?? '', signal).catch((error: unknown) => {
    if (isSyncError(error, 'missing')) return undefined;
    throw error;
  });
  if (user === undefined) return { ...row, note: row.note ?? 'the account is gone from Omni' };
  const entries = Object.keys(row.fields).map((name) => [name, heldOf(user, name)]);
  return { ...row, old: Object.fromEntries(entries) };
}

function heldOf(user: OmniUser, field: string): unknown {
  if (field === 'userName') return user.userName;
  if (field === 'displayName') return user.displayName;
  return user.attributes?.[field.slice(1)] ?? null;
}
