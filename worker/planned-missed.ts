/** Why somebody whom a plan names was not met as one to change. */
import type { StoredLink } from '../ledger/links.ts';
import type { Tombstone } from '../model/leaver.ts';
import type { PlannedChange } from '../plan/planned.ts';
import type { SurveyEnd } from './survey.ts';

interface Missed {
  readonly end: Pick<SurveyEnd, 'complete' | 'ended' | 'rejections' | 'leavers'>;
  readonly link: StoredLink | undefined;
  readonly tombstones: readonly Tombstone[];
}

/** In words, for who reads what was left. */
export function whyMissed(row: PlannedChange, missed: Missed): string {
  const { rejections, complete } = missed.end;
  const rejection = rejections.find(({ sourceId }) => sourceId === row.sourceId);
  if (rejection !== undefined) return `the record is rejected now: ${rejection.reason}`;
  if (row.kind === 'deactivate') return whyNotRemoved(row, missed);
  const leaver = missed.end.leavers.find(({ link }) => link.sourceId === row.sourceId);
  if (leaver !== undefined) return `not wanted any more: ${GONE[leaver.cause]}`;
  if (!complete) return 'the read was not complete, and has not met this person';
  if (missed.link === undefined) return 'not wanted any more';
  return 'nothing is to be done for this person any more';
}

const GONE = { missing: 'gone', inactive: 'inactive', outOfScope: 'out of scope' } as const;

function whyNotRemoved({ sourceId }: PlannedChange, { tombstones, end }: Missed): string {
  const tombstone = tombstones.find((one) => one.sourceId === sourceId);
  if (tombstone === undefined) return 'not to be taken away any more: back, kept, or protected';
  if (tombstone.stage === 'held') return `held: ${tombstone.reason ?? 'an operator has to look'}`;
  if (!end.complete) return 'the read was not complete: nobody is taken away after one';
  return `not due before ${new Date(tombstone.due).toISOString()}`;
}
