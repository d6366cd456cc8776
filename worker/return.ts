/** Back after we took the account away, or under a new sourceId: the same account again, or exactly one in its place. */
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import type { OmniUser } from '../model/person.ts';
import { type Decision, type Fields, fieldNames } from '../plan/decide.ts';
import { confirmedOf } from '../plan/fingerprint.ts';
import { adopt, create } from './create.ts';
import { type ApplyDeps, type Case, compare, finish, patched } from './finish.ts';

interface Returning {
  readonly fields: Fields;
  /** The sourceId that the link comes from, where it moves. */
  readonly from?: { readonly sourceId: string; readonly ref: string };
}

/** Reactivates the account of a person whom we took away. */
export async function comeBack(at: Case, { fields }: Returning, deps: ApplyDeps): Promise<boolean> {
  if (at.link === undefined) throw new TypeError(`return of ${at.row.ref} without a link`);
  const answer = await reactivated(at, { link: at.link, fields }, deps);
  return answer === undefined
    ? startAnew(at, at.link, deps)
    : finishReturn(at, { link: at.link, answer, fields }, deps);
}

/** Moves a link to the sourceId that the same person has now, and writes what differs. */
export async function relink(
  at: Case,
  decision: Extract<Decision, { kind: 'relink' }>,
  deps: ApplyDeps,
): Promise<boolean> {
  const { from, fields } = decision;
  const moved = {
    ...from,
    sourceId: at.row.sourceId,
    protected: at.row.protected,
    confirmed: new Set(confirmedOf(at.row.desired)),
  };
  const origin = at.row.relink === undefined ? {} : { from: at.row.relink };
  const names = fieldNames(fields);
  if (from.state === 'active' && names.length === 0) {
    return finish(at, { kind: 'relink', link: moved, fields: [], ...origin }, deps);
  }
  const answer =
    from.state === 'active'
      ? await patched(at, { omniId: from.omniId, fields }, deps)
      : await reactivated(at, { link: from, fields }, deps);
  if (answer === undefined) return startAnew(at, from, deps);
  const note = compare(at, fields, answer, deps);
  const link = { ...moved, userName: answer.userName, state: 'active' as const };
  return finish(at, { kind: 'relink', link, fields: names, ...note, ...origin }, deps);
}

/** The account as it is after the reactivation; nothing where this account does not come back. */
async function reactivated(
  { row }: Case,
  { link, fields }: { readonly link: Link; readonly fields: Fields },
  deps: ApplyDeps,
): Promise<OmniUser | undefined> {
  try {
    await deps.ledger.intend(row.ref, row.version);
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

/** The old account does not come back: one that is there now under the userName is taken, else one is made. */
async function startAnew(at: Case, old: Link, deps: ApplyDeps): Promise<boolean> {
  const found = await deps.omni.findByUserName(at.row.desired.userName, deps.signal);
  if (found === undefined) {
    await deps.ledger.register.release(old.omniId);
    return create(at, deps);
  }
  if (found.active) return adopt(at, found, { deps, listed: false });
  throw new SyncError(
    'conflict',
    'omni.stays-inactive',
    `account ${found.id} was taken away by this sync and Omni does not reactivate it: activate it in Omni, then retry`,
  );
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
    confirmed: new Set(confirmedOf(at.row.desired)),
  };
  return finish(
    at,
    { kind: 'return', link: active, fields: ['active', ...fieldNames(fields)], ...note },
    deps,
  );
}
