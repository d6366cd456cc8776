/**
 * Takes one account away, after looking once more at everything that could forbid it. What is done here cannot be
 * undone in Omni: so in any doubt the account stays, and the next reconcile decides again.
 */
import { DEACTIVATED_PRINT } from '../ledger/link-index.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import { type ApplyDeps, commitOf, finish } from './finish.ts';

/** Someone whose time has come, as the outbox says. */
interface Leaving {
  readonly row: OutboxRow;
  readonly link: Link | undefined;
  readonly removal: NonNullable<OutboxRow['leave']>;
}

/** Deactivates or deletes the account. Returns false where a newer desired state waits: the person is back. */
export async function leave(at: Leaving, deps: ApplyDeps): Promise<boolean> {
  const { row, link, removal } = at;
  if (link === undefined || !(await mayLeave(at, link, deps))) {
    return deps.ledger.commit(commitOf(row, { kind: 'none' }, deps));
  }
  const { before, action } = deps.leaving;
  await before?.({ sourceId: row.sourceId, omniId: link.omniId, cause: removal.cause });
  await deps.ledger.intend(row.ref, row.version, { leave: true });
  deps.events.step('apply.intent');
  await takeAway(link, action, deps);
  deps.events.step('apply.answered');
  const fields = action === 'delete' ? [] : ['active'];
  const note = `${removal.cause}, ${action}`;
  const gone: Link = { ...link, state: 'deactivated', confirmed: new Set() };
  return finish(at, { kind: 'deactivate', link: gone, fields, note, fingerprint: DEACTIVATED_PRINT }, deps);
}

/** The tombstone stands, its time has come by Redis's clock, it is about this very account, and nobody keeps the person. */
async function mayLeave(
  { row, removal }: Leaving,
  link: Link,
  { ledger, rules }: ApplyDeps,
): Promise<boolean> {
  if (rules.policy !== 'full' || link.state !== 'active' || link.protected) return false;
  const [tombstone, kept, now] = await Promise.all([
    ledger.leavers.get(row.ref),
    ledger.leavers.kept(),
    ledger.now(),
  ]);
  if (tombstone === undefined || kept.has(row.ref) || link.omniId !== removal.omniId) return false;
  return tombstone.stage === 'leaving' && tombstone.omniId === link.omniId && tombstone.due <= now;
}

/** An account that is gone already is done. */
async function takeAway(
  link: Link,
  action: 'deactivate' | 'delete',
  { omni, signal }: ApplyDeps,
): Promise<void> {
  try {
    if (action === 'delete') await omni.deleteUser(link.omniId, signal);
    else if ((await omni.setActive(link.omniId, false, signal)).active) throw stays(link);
  } catch (error) {
    if (!isSyncError(error, 'missing')) throw error;
  }
}

function stays(link: Link): SyncError {
  return new SyncError(
    'conflict',
    'omni.stays-active',
    `Omni answered the deactivation of account ${link.omniId} and shows it as active still: deactivate it in Omni, then retry`,
  );
}
