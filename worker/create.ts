/**
 * From no link to a link: create, or adopt what is there. A POST is never sent twice without a look at Omni between:
 * an intent stands before it, and whoever finds one looks the person up.
 */
import type { Intent } from '../ledger/ledger.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Provenance } from '../model/link.ts';
import type { OmniUser } from '../model/person.ts';
import {
  confirmedOfAccount,
  type Decision,
  decide,
  fieldNames,
  type KnownAccount,
  type Rules,
} from '../plan/decide.ts';
import { confirmedOf } from '../plan/fingerprint.ts';
import { type ApplyDeps, type Case, compare, finish, newLink, patched } from './finish.ts';
import { assertUnowned, claimUnowned } from './owner.ts';

/** Creates the account, or takes the one that turns out to be there. */
export async function create(at: Case, deps: ApplyDeps): Promise<boolean> {
  const { ledger, omni, events, signal } = deps;
  const { desired, ref, version } = at.row;
  const earlier = await ledger.intent(ref);
  if (earlier !== undefined) {
    const found = await omni.findByUserName(desired.userName, signal);
    if (found !== undefined)
      return take(at, found, { ...earlier, certain: earlier.version === version }, deps);
  }
  const intent = await ledger.intend(ref, version);
  events.step('apply.intent');
  try {
    const account = await omni.createUser(desired, signal);
    events.step('apply.answered');
    return await commitCreated(at, account, deps);
  } catch (error) {
    if (!isSyncError(error, 'conflict') && !isSyncError(error, 'unknown')) throw error;
    const certain = error.kind === 'unknown' && (earlier === undefined || earlier.version === version);
    return resolveDoubt(at, error, { ...intent, certain }, deps);
  }
}

/** A 409, or an answer that never came or cannot be believed: the account is there, or it is not. Omni is asked. */
async function resolveDoubt(at: Case, error: SyncError, intent: Meant, deps: ApplyDeps): Promise<boolean> {
  const found = await deps.omni.findByUserName(at.row.desired.userName, deps.signal);
  if (found !== undefined) return take(at, found, intent, deps);
  if (error.kind === 'unknown') throw error;
  throw new SyncError(
    'conflict',
    'omni.conflict-unseen',
    'Omni refuses to create this userName as existing (409) but shows no account under it: it may be a deactivated or an embed user; look for it in Omni, then retry',
    { cause: error, ...(error.request && { request: error.request }) },
  );
}

/** `certain`: nothing but this desired state was ever sent, so an account of ours holds it. */
type Meant = Intent & { readonly certain: boolean };

/** An account under the wanted userName, and we had meant to create one: it is ours if it came after we meant to. */
async function take(at: Case, found: OmniUser, intent: Meant, deps: ApplyDeps): Promise<boolean> {
  await assertUnowned(at.row, found.id, deps.ledger);
  const ours = found.createdAt !== undefined && found.createdAt >= intent.at;
  if (ours && intent.certain) return commitCreated(at, found, deps);
  return adopt(at, found, { deps, provenance: ours ? 'created' : 'adopted' });
}

async function commitCreated(at: Case, account: OmniUser, deps: ApplyDeps): Promise<boolean> {
  const { desired } = at.row;
  await claimUnowned(at.row, account.id, deps.ledger);
  const note = compare(at, desired, account, deps);
  const link = await newLink(
    at,
    account,
    { provenance: 'created', confirmed: new Set(confirmedOf(desired)) },
    deps,
  );
  return finish(
    at,
    {
      kind: 'create',
      link,
      fields: ['userName', 'displayName', ...Object.keys(desired.attributes).map((name) => `@${name}`)],
      ...note,
    },
    deps,
  );
}

interface Adopting {
  readonly deps: ApplyDeps;
  readonly provenance: Provenance;
}

/** Links an account that is there, and writes what it lacks. */
export async function adopt(
  at: Case,
  account: KnownAccount,
  { deps, provenance }: Adopting,
): Promise<boolean> {
  const { row } = at;
  const rules: Rules = provenance === 'created' ? { ...deps.rules, adopt: 'always' } : deps.rules;
  const decision = decide({ desired: row.desired, protected: row.protected, account }, rules);
  if (decision.kind !== 'adopt') throw withheld(decision);
  await claimUnowned(row, account.id, deps.ledger);
  const { fields } = decision;
  const writes = fieldNames(fields).length > 0;
  const answer = writes ? await patched(at, { omniId: account.id, fields }, deps) : undefined;
  if (writes && answer === undefined) {
    // It was there when Omni was listed, and is gone now: nobody's, and there is nothing to adopt.
    await deps.ledger.register.release(account.id);
    return create(at, deps);
  }
  const note = answer === undefined ? {} : compare(at, fields, answer, deps);
  const confirmed = writes ? new Set(confirmedOf(row.desired)) : confirmedOfAccount(account, row.desired);
  const link = await newLink(
    at,
    answer ?? { id: account.id, userName: row.desired.userName },
    { provenance, confirmed },
    deps,
  );
  const kind = provenance === 'created' ? 'create' : 'adopt';
  return finish(at, { kind, link, fields: fieldNames(fields), ...note }, deps);
}

/** A decision not to touch an account, as the error that sets the person aside. */
export function withheld(decision: Decision): SyncError {
  if (decision.kind === 'withhold') return new SyncError('conflict', decision.code, decision.reason);
  throw new TypeError(`an account cannot be decided as ${decision.kind}`);
}
