/** Back after we took the account away, or under a new sourceId: the same account again, or exactly one in its place. */
import type { Former } from '../ledger/intents.ts';
import { DEACTIVATED_PRINT, UNKNOWN_PRINT } from '../ledger/link-index.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import type { OmniUser } from '../model/person.ts';
import { confirmedAfter } from '../plan/confirmed.ts';
import { type Decision, type Fields, fieldNames } from '../plan/decide.ts';
import { post, take } from './create.ts';
import { type ApplyDeps, type Case, compare, finish, patched } from './finish.ts';
import { stateOf } from './leave.ts';

/** Reactivates the account of a person whom we took away. */
export async function comeBack(
  at: Case,
  { fields }: { readonly fields: Fields },
  deps: ApplyDeps,
): Promise<boolean> {
  if (at.link === undefined) throw new TypeError(`return of ${at.row.ref} without a link`);
  const answer = await reactivated(at, { link: at.link, fields }, deps);
  return answer === undefined
    ? startAnew(at, at.link, deps)
    : finishReturn(at, { link: at.link, answer, fields }, deps);
}

/** Moves a link to the sourceId that the same person has now, and writes what differs. */
export async function relink(
  given: Case,
  decision: Extract<Decision, { kind: 'relink' }>,
  deps: ApplyDeps,
): Promise<boolean> {
  const { from, fields } = decision;
  const { row } = given;
  const moved = {
    ...from,
    sourceId: row.sourceId,
    protected: row.protected,
  };
  const at: Case = { ...given, ...(row.relink && { from: row.relink }) };
  const names = fieldNames(fields);
  if (from.state === 'active' && names.length === 0) {
    return finish(at, { kind: 'relink', link: moved, fields: [] }, deps);
  }
  const answer =
    from.state === 'active'
      ? await patched(at, { omniId: from.omniId, fields }, deps)
      : await reactivated(at, { link: from, fields }, deps);
  if (answer === undefined) return startAnew(at, from, deps);
  const note = compare(at, fields, answer, deps);
  const confirmed = confirmedAfter({ desired: row.desired, sent: fields, answer, earlier: from.confirmed });
  const link = { ...moved, userName: answer.userName, state: 'active' as const, confirmed };
  return finish(at, { kind: 'relink', link, fields: names, ...note }, deps);
}

/**
 * A link that was to move and does not any more, after a write to its account that was broken off: it stays where it is, with
 * nothing confirmed, and active again where Omni shows that it is. Else nobody would ever take that account away.
 * @throws SyncError `transient` while something waits for its sourceId
 */
export async function noteFormer(former: Former, run: string, deps: ApplyDeps): Promise<void> {
  const link = await freeLink(former, deps);
  if (link === undefined) return;
  const state = link.state === 'deactivated' ? await stateOf(link, deps) : link.state;
  const fingerprint = state === 'active' ? UNKNOWN_PRINT : DEACTIVATED_PRINT;
  const effect = {
    kind: 'put',
    link: { ...link, state, confirmed: new Set<string>() },
    fingerprint,
  } as const;
  await deps.ledger.commit({ ...former, version: '', effect, run, calls: deps.takeCalls() });
}

/**
 * The link of a sourceId that another person is to have.
 * @throws SyncError `transient` while something waits for that one still: a removal may be on its way.
 */
export async function freeLink({ sourceId, ref }: Former, { ledger }: ApplyDeps): Promise<Link | undefined> {
  if ((await ledger.outbox.get(ref)) !== undefined) {
    const message = 'the account that this person is to take over is still being changed for its earlier id';
    throw new SyncError('transient', 'relink.busy', message);
  }
  return (await ledger.links.of([sourceId])).get(sourceId)?.link;
}

/** The account as it is after the reactivation; nothing where this account does not come back. */
async function reactivated(
  { row, from }: Case,
  { link, fields }: { readonly link: Link; readonly fields: Fields },
  deps: ApplyDeps,
): Promise<OmniUser | undefined> {
  try {
    await deps.ledger.intend(row.ref, row.version, { from });
    deps.events.step('apply.intent');
    const answer = await deps.omni.updateUser(link.omniId, { ...fields, active: true }, deps.signal);
    deps.events.step('apply.answered');
    return answer.active ? answer : undefined;
  } catch (error) {
    const otherAccount = isSyncError(error) && error.code === 'omni.unbelievable';
    if (otherAccount || isSyncError(error, 'missing') || isSyncError(error, 'conflict')) return undefined;
    throw error;
  }
}

/**
 * The old account does not come back: one that is active now under the userName is taken, else one is made. Whether Omni
 * makes one beside an inactive account of the same userName is not documented: where it does not, that one is named.
 */
async function startAnew(at: Case, old: Link, deps: ApplyDeps): Promise<boolean> {
  const found = await deps.omni.findByUserName(at.row.desired.userName, deps.signal);
  const intent = await deps.ledger.intent(at.row.ref);
  if (found?.id !== old.omniId || !found.active) await deps.ledger.register.release(old.omniId);
  if (found?.active === true) {
    return take(at, found, { at: intent?.at ?? Number.POSITIVE_INFINITY, certain: false }, deps);
  }
  return post(at, intent, deps).catch((error: unknown) => {
    if (found === undefined || !isSyncError(error, 'conflict')) throw error;
    throw new SyncError(
      'conflict',
      'omni.stays-inactive',
      `account ${found.id} was taken away by this sync, and Omni neither reactivates it nor makes another one: activate it in Omni, then retry`,
      { cause: error },
    );
  });
}

interface Returned {
  readonly link: Link;
  readonly answer: OmniUser;
  readonly fields: Fields;
}

function finishReturn(at: Case, { link, answer, fields }: Returned, deps: ApplyDeps): Promise<boolean> {
  const note = compare(at, fields, answer, deps);
  const active: Link = {
    ...link,
    userName: answer.userName,
    state: 'active',
    protected: at.row.protected,
    confirmed: confirmedAfter({ desired: at.row.desired, sent: fields, answer, earlier: link.confirmed }),
  };
  return finish(
    at,
    { kind: 'return', link: active, fields: ['active', ...fieldNames(fields)], ...note },
    deps,
  );
}
