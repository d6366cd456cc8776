/** An account that is not to be touched: whoever needs an operator's word for it is held, and whoever may never have it is set aside. */
import { SyncError } from '../model/errors.ts';
import { addressKey } from '../model/person.ts';
import { type Decision, isHeldDecision, type KnownAccount } from '../plan/decide.ts';
import { type ApplyDeps, type Case, commitOf } from './finish.ts';

/**
 * Holds the person, for whom nothing waits then: the next read finds them held, at no call.
 * @throws SyncError `conflict`, with the decision's code, where there is nothing to ask, or something may have been sent before.
 */
export async function holdBack(
  at: Case,
  { decision, account }: { readonly decision: Decision; readonly account: KnownAccount | undefined },
  deps: ApplyDeps,
): Promise<boolean> {
  const { row, link } = at;
  const { ledger } = deps;
  const intent = await ledger.intent(row.ref);
  const address = addressKey(row.desired.userName);
  const doubt =
    intent?.leave === true || intent?.posted.some((name) => addressKey(name) !== address) === true;
  if (account === undefined || link !== undefined || doubt || !isHeldDecision(decision))
    throw withheld(decision);
  const { sourceId, run, ref } = row;
  const { id: omniId, displayName } = account;
  const since = await ledger.now();
  await ledger.held.put([
    { ref, sourceId, what: 'adopt', omniId, userName: row.desired.userName, displayName, since },
  ]);
  const audit = { did: 'hold', sourceId, omniId, fields: [], run, note: 'adopt' };
  return ledger.commit({ ...commitOf(row, { kind: 'none' }, deps), audit });
}

/** The decision as the error that sets the person aside. */
function withheld(decision: Decision): SyncError {
  if (decision.kind === 'withhold') return new SyncError('conflict', decision.code, decision.reason);
  throw new TypeError(`an account cannot be decided as ${decision.kind}`);
}
