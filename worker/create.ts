/**
 * From no link to a link: create, or adopt what is there. A POST is never sent twice without a look at Omni between:
 * an intent stands before it, and whoever finds one looks the person up.
 */
import type { Intent } from '../ledger/intents.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import { isJobLost } from '../model/job-lost.ts';
import { addressKey, type OmniUser } from '../model/person.ts';
import { confirmedAfter } from '../plan/confirmed.ts';
import { adoptClaim, confirmedOfAccount, decide, fieldNames, type KnownAccount } from '../plan/decide.ts';
import { type ApplyDeps, type Case, compare, finish, newLink, patched } from './finish.ts';
import { assertUnowned, claimUnowned } from './owner.ts';
import { holdBack } from './withhold.ts';

/** Creates the account, or takes the one that turns out to be there. */
export async function create(at: Case, deps: ApplyDeps): Promise<boolean> {
  const earlier = await deps.ledger.intent(at.row.ref);
  if (earlier !== undefined) {
    const done = await takeMeant(at, earlier, deps);
    if (done !== undefined) return done;
  }
  return post(at, earlier, deps);
}

/** Creates the account where none was found. `earlier`: what may have been sent before. */
export async function post(at: Case, earlier: Intent | undefined, deps: ApplyDeps): Promise<boolean> {
  const { ledger, omni, events, signal } = deps;
  const { desired, ref, version } = at.row;
  const intent = await ledger.intend(ref, version, { posted: desired.userName });
  events.step('apply.intent');
  const posted = await omni.createUser(desired, signal).catch(syncErrorOnly);
  events.step('apply.answered');
  if (!(posted instanceof SyncError)) return commitCreated(at, posted, deps);
  const before = (earlier?.posted.length ?? 0) > 0;
  return afterRefusal(at, { error: posted, intent, earlier: before ? earlier : undefined }, deps);
}

function syncErrorOnly(error: unknown): SyncError {
  // The intent may be another process's by then.
  if (isSyncError(error) && !isJobLost(error)) return error;
  throw error;
}

interface Refusal {
  readonly error: SyncError;
  readonly intent: Intent;
  /** An earlier try that may have made an account. */
  readonly earlier: Intent | undefined;
}

async function afterRefusal(
  at: Case,
  { error, intent, earlier }: Refusal,
  deps: ApplyDeps,
): Promise<boolean> {
  const doubt = error.kind === 'unknown';
  // Omni, or the way to it, has said no: nothing was made, unless by an earlier try. Of somebody who had an account the
  // intent stays: a removal may be among what it remembers.
  if (!doubt && earlier === undefined && at.link === undefined) await deps.ledger.disclaim(at.row.ref);
  if (!doubt && error.kind !== 'conflict') throw error;
  const certain = doubt && (earlier === undefined || earlier.version === at.row.version);
  const since = doubt || earlier !== undefined ? intent.at : Number.POSITIVE_INFINITY;
  return resolveDoubt(at, error, { at: since, certain }, deps);
}

/** An account that an earlier try may have made: under the userName of now, or under the one that was posted then. */
async function takeMeant(at: Case, earlier: Intent, deps: ApplyDeps): Promise<boolean | undefined> {
  const { desired, version } = at.row;
  const found = await deps.omni.findByUserName(desired.userName, deps.signal);
  if (found !== undefined)
    return take(at, found, { at: earlier.at, certain: earlier.version === version }, deps);
  const made = await findPosted(earlier, desired.userName, deps);
  return made === undefined ? undefined : complete(at, made, deps);
}

/** The account that an intent has made under a userName other than `now`, if it has. */
export async function findPosted(
  intent: Intent,
  now: string | undefined,
  deps: ApplyDeps,
): Promise<OmniUser | undefined> {
  for (const userName of intent.posted) {
    if (now !== undefined && addressKey(userName) === addressKey(now)) continue;
    const found = await deps.omni.findByUserName(userName, deps.signal);
    if (found !== undefined && isOurs(found, intent)) return found;
  }
  return undefined;
}

/** It came after we first meant to create it. */
function isOurs({ createdAt }: OmniUser, { at }: Pick<Intent, 'at'>): boolean {
  return createdAt !== undefined && createdAt >= at;
}

/** A 409, or an answer that never came or cannot be believed: the account is there, or it is not. Omni is asked. */
async function resolveDoubt(at: Case, error: SyncError, meant: Meant, deps: ApplyDeps): Promise<boolean> {
  const found = await deps.omni.findByUserName(at.row.desired.userName, deps.signal);
  if (found !== undefined) return take(at, found, meant, deps);
  if (error.kind === 'unknown') throw error;
  throw new SyncError(
    'conflict',
    'omni.conflict-unseen',
    'Omni refuses to create this userName as existing (409) but shows no account under it: it may be a deactivated or an embed user; look for it in Omni, then retry',
    { cause: error, ...(error.request && { request: error.request }) },
  );
}

/** Since when an account would be ours. `certain`: nothing but this desired state was ever sent, so ours holds it. */
type Meant = Pick<Intent, 'at'> & { readonly certain: boolean };

/** An account under the wanted userName, and we had meant to create one: it is ours if it came after we meant to. */
export async function take(at: Case, found: OmniUser, meant: Meant, deps: ApplyDeps): Promise<boolean> {
  await assertUnowned(at.row, found.id, deps.ledger);
  if (!isOurs(found, meant)) return adopt(at, found, { deps, listed: false });
  const asSent = meant.certain && found.displayName === at.row.desired.displayName;
  return asSent ? commitCreated(at, found, deps) : complete(at, found, deps);
}

/** An account of our own making that may hold an older desired state: all of it is written. */
async function complete(at: Case, own: OmniUser, deps: ApplyDeps): Promise<boolean> {
  const { userName, displayName, attributes } = at.row.desired;
  await claimUnowned(at.row, own.id, deps.ledger);
  const fields = { userName, displayName, ...(Object.keys(attributes).length > 0 && { attributes }) };
  const answer = await patched(at, { omniId: own.id, fields }, deps);
  if (answer === undefined) throw contradiction(own.id);
  return commitCreated(at, answer, deps);
}

/** Omni shows an account and denies it: nothing that is sent would end it. */
function contradiction(omniId: string): SyncError {
  return new SyncError(
    'conflict',
    'omni.contradicts',
    `Omni shows account ${omniId} under this userName and answers 404 to a change of it: look at it in Omni, then retry`,
  );
}

async function commitCreated(at: Case, account: OmniUser, deps: ApplyDeps): Promise<boolean> {
  const { desired } = at.row;
  const confirmed = confirmedAfter({ desired, sent: desired, answer: account });
  const [link] = await Promise.all([
    newLink(at, account, { provenance: 'created', confirmed }, deps),
    claimUnowned(at.row, account.id, deps.ledger),
  ]);
  const note = compare(at, desired, account, deps);
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
  /** The account is known from a list that was read some time ago, and may be gone. */
  readonly listed: boolean;
}

/** Links an account that is there, and writes what it lacks. */
export async function adopt(at: Case, account: KnownAccount, { deps, listed }: Adopting): Promise<boolean> {
  const { row } = at;
  const { desired } = row;
  const word = await deps.ledger.held.answerTo(row.ref, adoptClaim(desired, account));
  const situation = { desired, protected: row.protected, answer: word };
  const decision = decide({ ...situation, account }, deps.rules);
  if (decision.kind !== 'adopt') return holdBack(at, { decision, account }, deps);
  await claimUnowned(row, account.id, deps.ledger);
  const { fields } = decision;
  const writes = fieldNames(fields).length > 0;
  const answer = writes ? await patched(at, { omniId: account.id, fields }, deps) : undefined;
  if (writes && answer === undefined) {
    await deps.ledger.register.release(account.id);
    if (!listed) throw contradiction(account.id);
    // It was there when Omni was listed, and is gone now: there is nothing to adopt.
    return create(at, deps);
  }
  if (answer !== undefined && addressKey(answer.userName) !== addressKey(row.desired.userName))
    throw renamed(account.id);
  // Somebody took it away in Omni since it was listed.
  if (answer?.active === false) {
    await deps.ledger.register.release(account.id);
    if (listed) await deps.ledger.disclaim(row.ref);
    return holdBack(at, { decision: decide({ ...situation, account: answer }, deps.rules), account }, deps);
  }
  const note = answer === undefined ? {} : compare(at, fields, answer, deps);
  const confirmed =
    answer === undefined
      ? confirmedOfAccount(account, row.desired)
      : confirmedAfter({ desired: row.desired, sent: fields, answer });
  const link = await newLink(
    at,
    answer ?? { id: account.id, userName: row.desired.userName },
    { provenance: 'adopted', confirmed },
    deps,
  );
  return finish(at, { kind: 'adopt', link, fields: fieldNames(fields), ...note }, deps);
}

/** Somebody renamed it in Omni since it was found under the wanted userName: whose it is now is not known. */
function renamed(omniId: string): SyncError {
  return new SyncError(
    'conflict',
    'omni.renamed',
    `account ${omniId} had this userName and has another one now: look at it in Omni, then retry`,
  );
}
