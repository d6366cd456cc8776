/** Who was changed in Omni by hand, gathered for an operator from what verify passes remember. Asks Omni nothing. */
import { VERIFY_SHARE } from '../ledger/budget-slack.ts';
import type { VerifyPass } from '../ledger/drift.ts';
import { batches } from '../ledger/links.ts';
import type { DriftRow } from '../model/drift.ts';
import { type DriftedPerson, type DriftList, driftedFields, type PassView } from '../ops/drift-view.ts';
import { bySourceId } from './naming.ts';
import { nextRun } from './schedule.ts';
import type { SyncParts } from './sync.ts';

type DriftSource = Pick<SyncParts, 'name' | 'ledger' | 'schedule' | 'verifySchedule'>;

const LINKS_AT_ONCE = 500;

/** Everyone who differs, as far as they are kept by name. */
export async function driftList({ name, ledger, schedule, verifySchedule }: DriftSource): Promise<DriftList> {
  const rows = [...(await ledger.drift.all())];
  const people: DriftedPerson[] = [];
  for (const batch of batches(rows, LINKS_AT_ONCE)) {
    const links = await ledger.links.of(batch.map(([, { sourceId }]) => sourceId));
    for (const [ref, row] of batch) {
      people.push(personOf(ref, row, links.get(row.sourceId)?.link.userName));
    }
  }
  const pass = await ledger.drift.lastPass();
  const next =
    verifySchedule === undefined
      ? undefined
      : nextRun({ expression: verifySchedule, full: undefined, timezone: schedule.timezone });
  return {
    name,
    people: people.sort(bySourceId),
    lastPass: pass === undefined ? null : passView(pass),
    nextPass: next?.toISOString() ?? null,
    share: VERIFY_SHARE,
  };
}

function personOf(
  ref: string,
  { sourceId, omniId, fields }: DriftRow,
  userName: string | undefined,
): DriftedPerson {
  return { ref, sourceId, omniId, userName: userName ?? null, fields: driftedFields(fields) };
}

function passView({ startedAt, finishedAt, problem, compared, calls }: VerifyPass): PassView {
  return { startedAt, finishedAt, problem: problem ?? null, compared, calls };
}
