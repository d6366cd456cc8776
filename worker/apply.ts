/**
 * Carries one person's waiting change to Omni: intent, call, look at the answer, commit. It may be killed between any
 * two lines and run again: what was done is found, by the link or by looking the person up, and never done twice.
 */
import { type Commit, type LinkEffect, standingEffect } from '../ledger/commit.ts';
import type { Intent, Ledger } from '../ledger/ledger.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import type { ChangeKind } from '../model/change.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Link, Provenance } from '../model/link.ts';
import type { OmniUser } from '../model/person.ts';
import type { Omni } from '../omni/client.ts';
import { differences } from '../omni/verify.ts';
import {
  confirmedOfAccount,
  type Decision,
  decide,
  type Fields,
  fieldNames,
  type KnownAccount,
  type Rules,
} from '../plan/decide.ts';
import { confirmedOf } from '../plan/fingerprint.ts';
import { auditRecord } from './audit-record.ts';
import type { Events } from './events.ts';
import { assertUnowned, claimUnowned } from './owner.ts';

export interface ApplyDeps {
  readonly ledger: Ledger;
  readonly rules: Rules;
  readonly events: Events;
  /** Omni, spending the budget of this one job. */
  readonly omni: Omni;
  /** Requests made since this was last asked. */
  readonly takeCalls: () => number;
  /** Told which desired state is being applied, before anything is done: a failure is that one's, not a newer one's. */
  readonly took: (row: OutboxRow) => void;
  readonly signal: AbortSignal;
}

/** The person at hand: what waits for them, and what is remembered. */
interface Case {
  readonly row: OutboxRow & { readonly desired: NonNullable<OutboxRow['desired']> };
  readonly link: Link | undefined;
}

/** Applies whatever waits for a person until nothing does. Returns how long to wait where it is not yet time, in ms. */
export async function applyPerson(ref: string, deps: ApplyDeps): Promise<number> {
  for (;;) {
    const row = await deps.ledger.outbox.get(ref);
    if (row === undefined) return 0;
    const aside = await deps.ledger.quarantine.get(ref);
    if (aside?.version === row.version) {
      if (aside.until === 'change') return 0;
      const waitMs = aside.notBefore - (await deps.ledger.now());
      if (waitMs > 0) return waitMs;
    }
    deps.took(row);
    deps.events.step('apply.taken');
    if (await applyRow(row, deps)) return 0;
  }
}

/** Applies one desired state. Returns false where a newer one came meanwhile. */
async function applyRow(row: OutboxRow, deps: ApplyDeps): Promise<boolean> {
  const link = (await deps.ledger.links.of([row.sourceId])).get(row.sourceId)?.link;
  const { desired } = row;
  if (desired === undefined) return deps.ledger.commit(commitOf(row, { kind: 'none' }, deps));
  const at: Case = { row: { ...row, desired }, link };
  // An account that came after we meant to create one may be ours: only `create` finds that out.
  const meant = row.account !== undefined && (await deps.ledger.intent(row.ref)) !== undefined;
  const account = meant ? undefined : row.account;
  const decision = decide({ desired, protected: row.protected, link, account }, deps.rules);
  return CARRY[decision.kind](at, decision as never, deps);
}

type Carry<K extends Decision['kind']> = (
  at: Case,
  decision: Extract<Decision, { kind: K }>,
  deps: ApplyDeps,
) => Promise<boolean>;

/** How each decision is carried out. */
const CARRY: { readonly [K in Decision['kind']]: Carry<K> } = {
  none: (at, _, deps) => {
    const effect = standingEffect(at.link, at.row.protected, fingerprintOf(at.row));
    return deps.ledger.commit(commitOf(at.row, effect, deps));
  },
  withhold: (_, decision) => {
    throw new SyncError('conflict', decision.code, decision.reason);
  },
  create,
  adopt: (at, decision, deps) => adopt(at, decision.account, { deps, provenance: 'adopted' }),
  update,
  rename: update,
};

async function create(at: Case, _: unknown, deps: ApplyDeps): Promise<boolean> {
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

async function adopt(at: Case, account: KnownAccount, { deps, provenance }: Adopting): Promise<boolean> {
  const { row } = at;
  const rules: Rules = provenance === 'created' ? { ...deps.rules, adopt: 'always' } : deps.rules;
  const decision = decide({ desired: row.desired, protected: row.protected, account }, rules);
  if (decision.kind !== 'adopt') return CARRY[decision.kind](at, decision as never, deps);
  await claimUnowned(row, account.id, deps.ledger);
  const { fields } = decision;
  const writes = fieldNames(fields).length > 0;
  const answer = writes ? await patched(account.id, fields, deps) : undefined;
  if (writes && answer === undefined) {
    // It was there when Omni was listed, and is gone now: nobody's, and there is nothing to adopt.
    await deps.ledger.register.release(account.id);
    return create(at, undefined, deps);
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

async function update(
  at: Case,
  decision: { kind: 'update' | 'rename'; fields: Fields },
  deps: ApplyDeps,
): Promise<boolean> {
  const { link, row } = at;
  if (link === undefined) throw new TypeError(`${decision.kind} of ${row.ref} without a link`);
  const answer = await patched(link.omniId, decision.fields, deps).catch(async (error: unknown) => {
    if (decision.kind === 'rename' && isSyncError(error, 'conflict')) await assertNotBusy(at, link, deps);
    throw error;
  });
  if (answer === undefined) return forget(at, link, deps);
  const note = compare(at, decision.fields, answer, deps);
  const renewed = {
    ...link,
    userName: answer.userName,
    protected: row.protected,
    confirmed: new Set(confirmedOf(row.desired)),
  };
  return finish(
    at,
    { kind: decision.kind, link: renewed, fields: fieldNames(decision.fields), ...note },
    deps,
  );
}

/** The account after a PATCH; nothing where it is gone. */
async function patched(omniId: string, fields: Fields, deps: ApplyDeps): Promise<OmniUser | undefined> {
  const answer = await deps.omni.updateUser(omniId, fields, deps.signal).catch((error: unknown) => {
    if (isSyncError(error, 'missing')) return undefined;
    throw error;
  });
  deps.events.step('apply.answered');
  return answer;
}

/** A userName that is taken may be free in a moment: its holder is to be renamed too. @throws as assertUnowned does. */
async function assertNotBusy(at: Case, link: Link, { omni, ledger, signal }: ApplyDeps): Promise<void> {
  const found = await omni.findByUserName(at.row.desired.userName, signal);
  if (found !== undefined && found.id !== link.omniId) await assertUnowned(at.row, found.id, ledger);
}

/** The account is gone from Omni: the link goes too, and the next reconcile decides. */
async function forget(at: Case, link: Link, deps: ApplyDeps): Promise<boolean> {
  await deps.ledger.register.release(link.omniId);
  const { sourceId, run } = at.row;
  const audit = auditRecord({
    did: 'unlink',
    sourceId,
    omniId: link.omniId,
    fields: [],
    run,
    note: 'Omni answered 404',
  });
  return deps.ledger.commit({ ...commitOf(at.row, { kind: 'drop' }, deps), audit });
}

async function newLink(
  at: Case,
  account: Pick<OmniUser, 'id' | 'userName'>,
  rest: Pick<Link, 'provenance' | 'confirmed'>,
  { ledger }: ApplyDeps,
): Promise<Link> {
  const since = Math.floor((await ledger.now()) / 1000);
  const { sourceId } = at.row;
  return {
    sourceId,
    omniId: account.id,
    userName: account.userName,
    state: 'active',
    since,
    protected: at.row.protected,
    ...rest,
  };
}

/** Tells where Omni stored something else than was sent; it is not sent again. */
function compare(at: Case, sent: Fields, answer: OmniUser, { events }: ApplyDeps): { note?: string } {
  const found = differences(sent, answer);
  if (found.length === 0) return {};
  events.stored({ ref: at.row.ref, omniId: answer.id, differences: found });
  return { note: found.map(({ field, kind }) => `${field} ${kind}`).join(', ') };
}

interface Done {
  readonly kind: ChangeKind;
  readonly link: Link;
  readonly fields: readonly string[];
  readonly note?: string;
}

async function finish(at: Case, done: Done, deps: ApplyDeps): Promise<boolean> {
  const { ref, sourceId, run } = at.row;
  const { kind, link, fields } = done;
  const { omniId } = link;
  const effect = { kind: 'put' as const, link, fingerprint: fingerprintOf(at.row) };
  const audit = auditRecord({
    did: kind,
    sourceId,
    omniId,
    fields,
    run,
    ...(done.note && { note: done.note }),
  });
  const commit = commitOf(at.row, effect, deps);
  const current = await deps.ledger.commit({ ...commit, kind, audit });
  deps.events.step('apply.committed');
  deps.events.applied({ ref, sourceId, omniId, kind, fields, run, calls: commit.calls });
  return current;
}

function commitOf(row: OutboxRow, effect: LinkEffect, { takeCalls }: ApplyDeps): Commit {
  const { ref, sourceId, version, run } = row;
  return { ref, sourceId, version, effect, run, calls: takeCalls() };
}

/** A row's version is its fingerprint. */
function fingerprintOf(row: OutboxRow): Buffer {
  return Buffer.from(row.version, 'base64url');
}
