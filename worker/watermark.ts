/**
 * From where the next read of changes goes on: read before a reconcile, and moved at its very end, when all that was read
 * is in the outbox. What depends on the mapping or the policy is of no use under another one.
 */
import { hash } from 'node:crypto';
import type { Directory } from '../directory/directory.ts';
import type { Watermark } from '../ledger/watermark.ts';
import { SyncError } from '../model/errors.ts';
import type { Run } from './enqueue.ts';
import type { Read } from './read.ts';
import type { SurveyEnd } from './survey.ts';
import type { Tally } from './tally.ts';

/** So many contested ids and addresses are remembered; where there are more, every read is a full one. */
const MOST_CONTESTED = 10_000;

/** What a watermark depends on: `basis` stands for the configuration. Nothing where the directory tells no changes. */
export function basisOf({ changes }: Pick<Directory, 'changes'>, basis: string): string | undefined {
  return changes && hash('sha256', JSON.stringify([changes.basis, basis]), 'base64url');
}

export interface Ended {
  readonly basis: string | undefined;
  readonly read: Pick<Read, 'next'>;
  readonly end: SurveyEnd;
  readonly tally: Tally;
}

/**
 * Moves the watermark, or takes it away where the source could make none. After a read that did not end it stands.
 * @throws SyncError `unsafe` where the lease has gone to another.
 */
export async function moveWatermark({ basis, read, end, tally }: Ended, run: Run): Promise<void> {
  const next = read.next();
  if (basis === undefined || next === undefined || !end.ended) return;
  const { ledger, events } = run.deps;
  if ('problem' in next) events.trouble(new SyncError('config', 'watermark.none', next.problem));
  const isKept = 'watermark' in next && end.contested.size <= MOST_CONTESTED;
  const { inScope, leavers } = tally;
  const moved: Watermark | undefined = isKept
    ? { basis, at: next.watermark, contested: [...end.contested], inScope, leavers }
    : undefined;
  await ledger.watermarks.put(moved, run.lease.token);
}
