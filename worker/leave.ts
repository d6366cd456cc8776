/**
 * Takes one account away, after looking once more at everything that could forbid it. What is done here cannot be
 * undone in Omni: so in any doubt the account stays, and the next reconcile decides again.
 */
import type { LinkEffect } from '../ledger/commit.ts';
import type { Intent } from '../ledger/intents.ts';
import { DEACTIVATED_PRINT, UNKNOWN_PRINT } from '../ledger/link-index.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import { type ApplyDeps, commitOf, finish } from './finish.ts';

/** Someone whose time has come, as the outbox says. */
interface Leaving {
  readonly row: OutboxRow;
  readonly link: Link | undefined;
  /** What may have been sent already. */
  readonly intent: Intent | undefined;
  readonly removal: NonNullable<OutboxRow['leave']>;
}

/** Deactivates or deletes the account. Returns false where a newer desired state waits: the person is back. */
export async function leave(at: Leaving, deps: ApplyDeps): Promise<boolean> {
  const { row, removal } = at;
  const link = asIfActive(at);
  if (link === undefined || !(await mayLeave(at, link, deps))) return letBe(at, deps);
  await assertFresh(removal, deps);
  const { before, action } = deps.leaving;
  if (before !== undefined) {
    await before({ sourceId: row.sourceId, omniId: link.omniId, cause: removal.cause }, deps.signal);
    // It may take minutes, and the person may be back.
    if (!(await mayLeave(at, link, deps))) return letBe(at, deps);
  }
  const intent = await deps.ledger.intend(row.ref, row.version, { leave: true });
  deps.events.step('apply.intent');
  const look = () => assertStill(at, link, deps);
  try {
    await takeAway(link, action, { omni: deps.omniAfter(look), signal: deps.signal });
  } catch (error) {
    if (!isSyncError(error, 'unsafe') || error.code !== CALLED_OFF) throw error;
    return (await isCurrent(row, deps)) ? leave({ ...at, intent }, deps) : false;
  }
  deps.events.step('apply.answered');
  const fields = action === 'delete' ? [] : ['active'];
  const note = `${removal.cause}, ${action}`;
  const gone: Link = { ...link, state: 'deactivated', confirmed: new Set() };
  return finish(at, { kind: 'deactivate', link: gone, fields, note, fingerprint: DEACTIVATED_PRINT }, deps);
}

const CALLED_OFF = 'leave.called-off';

/** The wait for a turn may have been an hour: who is back, or kept, since is not taken away. @throws SyncError `unsafe`. */
async function assertStill(at: Leaving, link: Link, deps: ApplyDeps): Promise<void> {
  if (
    (await isCurrent(at.row, deps)) &&
    (await mayLeave(at, link, deps)) &&
    !(await isStale(at.removal, deps))
  )
    return;
  throw new SyncError('unsafe', CALLED_OFF, 'what called for this removal does not hold any more');
}

async function isCurrent({ ref, version }: OutboxRow, { ledger }: ApplyDeps): Promise<boolean> {
  return (await ledger.outbox.get(ref))?.version === version;
}

/** After a write that was broken off the account may be active, whatever the link says. */
function asIfActive({ link, intent }: Leaving): Link | undefined {
  return link && intent ? { ...link, state: 'active', confirmed: new Set() } : link;
}

/** How long what a complete read has said of who is gone is believed: the person may be back since, in milliseconds. */
const BELIEVED_MS = 24 * 3600 * 1000;

/** The queue may have stood still for days, or Redis been set back to an older copy: what was known then takes nobody away. */
async function isStale({ at }: Leaving['removal'], { ledger }: ApplyDeps): Promise<boolean> {
  const [now, { cold }] = await Promise.all([ledger.now(), ledger.begin()]);
  return cold || now - at > BELIEVED_MS;
}

/** @throws SyncError `transient`: the next complete read says whether they still are to leave. */
async function assertFresh(removal: Leaving['removal'], deps: ApplyDeps): Promise<void> {
  if (!(await isStale(removal, deps))) return;
  throw new SyncError(
    'transient',
    'leave.stale',
    'that this person is to leave was read too long ago, or Redis has forgotten what came after: nobody is taken away before another complete read says so',
  );
}

/** The tombstone stands, its time has come by Redis's clock, it is about this very account, and nobody keeps the person. */
async function mayLeave(
  { row, removal }: Leaving,
  link: Link,
  { ledger, rules, leaving }: ApplyDeps,
): Promise<boolean> {
  if (rules.policy !== 'full' || link.state !== 'active') return false;
  if (link.protected || leaving.protects(link)) return false;
  const [tombstone, kept, now] = await Promise.all([
    ledger.leavers.get(row.ref),
    ledger.leavers.kept(),
    ledger.now(),
  ]);
  if (tombstone === undefined || kept.has(row.ref) || link.omniId !== removal.omniId) return false;
  return tombstone.stage === 'leaving' && tombstone.omniId === link.omniId && tombstone.due <= now;
}

/**
 * Nothing more is to be done for this desired state. What a write that was broken off has left is not known: where that
 * may have changed whether the account is active, Omni is asked, so that the ledger believes what is.
 */
export async function letBe(
  { row, link, intent }: Omit<Leaving, 'removal'>,
  deps: ApplyDeps,
): Promise<boolean> {
  if (link === undefined || intent === undefined) {
    return deps.ledger.commit(commitOf(row, { kind: 'none' }, deps));
  }
  const doubtful = intent.leave || link.state === 'deactivated';
  const state = doubtful ? await stateOf(link, deps) : link.state;
  const fingerprint = state === 'active' ? UNKNOWN_PRINT : DEACTIVATED_PRINT;
  const effect: LinkEffect = { kind: 'put', link: { ...link, state, confirmed: new Set() }, fingerprint };
  return deps.ledger.commit(commitOf(row, effect, deps));
}

/** Whether Omni shows an account as active; one that is gone is not. */
export async function stateOf({ omniId }: Link, { omni, signal }: ApplyDeps): Promise<Link['state']> {
  try {
    return (await omni.getUser(omniId, signal)).active ? 'active' : 'deactivated';
  } catch (error) {
    if (isSyncError(error, 'missing')) return 'deactivated';
    throw error;
  }
}

/** An account that is gone already is done. */
async function takeAway(
  link: Link,
  action: 'deactivate' | 'delete',
  { omni, signal }: Pick<ApplyDeps, 'omni' | 'signal'>,
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
