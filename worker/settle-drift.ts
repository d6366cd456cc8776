/** Forgets the drift of somebody whose account is as wanted again. Not with the commit: a pass finds what a death leaves here. */
import type { Ledger } from '../ledger/ledger.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import { handedOf, withoutFields } from '../plan/drift.ts';

/** Of a repair, what was handed over; of an account that was read back, all but that somebody deactivated it. */
export async function settleDrift({ ref, cause, readBack }: OutboxRow, ledger: Ledger): Promise<void> {
  if (cause !== 'drift' && readBack !== true) return;
  const drifted = await ledger.drift.get(ref);
  if (drifted === undefined) return;
  const done = Object.keys(drifted.fields).filter((field) => readBack === true && field !== 'active');
  const left = withoutFields(drifted, [...handedOf(drifted), ...done]);
  if (left === undefined) await ledger.drift.remove([ref]);
  else await ledger.drift.put(ref, left);
}
