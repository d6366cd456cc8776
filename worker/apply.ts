/**
 * Carries one person's waiting change to Omni: intent, call, look at the answer, commit. It may be killed between any
 * two lines and run again: what was done is found, by the link or by looking the person up, and never done twice.
 */
import { type LinkEffect, standingEffect } from '../ledger/commit.ts';
import type { Intent } from '../ledger/intents.ts';
import { UNKNOWN_PRINT } from '../ledger/link-index.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import { confirmedAfter } from '../plan/confirmed.ts';
import {
  adoptClaim,
  type Decision,
  decide,
  decideRelink,
  type Fields,
  fieldNames,
  type KnownAccount,
} from '../plan/decide.ts';
import { type Definition, holdable } from '../plan/usable.ts';
import { adopt, create, findPosted } from './create.ts';
import { readDefinitionsToday } from './definitions.ts';
import { type ApplyDeps, type Case, commitOf, compare, fingerprintOf, finish, patched } from './finish.ts';
import { leave, letBe } from './leave.ts';
import { assertUnowned, claimUnowned } from './owner.ts';
import { readBack } from './read-back.ts';
import { comeBack, freeLink, noteFormer, relink } from './return.ts';
import { settleDrift } from './settle-drift.ts';
import { holdBack } from './withhold.ts';

/** Applies whatever waits for a person until nothing does. Returns how long to wait where it is not yet time, in ms. */
export async function applyPerson(ref: string, deps: ApplyDeps): Promise<number> {
  for (;;) {
    const { outbox, quarantine } = deps.ledger;
    const [row, aside] = await Promise.all([outbox.get(ref), quarantine.get(ref)]);
    if (row === undefined) return 0;
    if (aside?.version === row.version) {
      if (aside.until === 'change') return 0;
      const waitMs = aside.notBefore - (await deps.ledger.now());
      if (waitMs > 0) return waitMs;
    }
    deps.took(row);
    refuseStale(row, deps);
    deps.events.step('apply.taken');
    if (await applyRow(row, deps)) return 0;
  }
}

/** @throws SyncError `transient` where the row was mapped under another configuration: the next reconcile says what is wanted now. */
function refuseStale({ stamp }: OutboxRow, deps: ApplyDeps): void {
  if (stamp === undefined || deps.stamp === undefined || stamp === deps.stamp) return;
  throw new SyncError(
    'transient',
    'config.stale',
    'what is wanted of this person was worked out under another configuration: it is not sent, and a reconcile under this one says it anew',
  );
}

/** Applies one desired state. Returns false where a newer one came meanwhile. */
async function applyRow(row: OutboxRow, deps: ApplyDeps): Promise<boolean> {
  const { links, definitions } = deps.ledger;
  const [stored, intent, known, fresh] = await Promise.all([
    links.get(row.sourceId),
    deps.ledger.intent(row.ref),
    definitions.known(),
    definitions.fresh(),
  ]);
  const { desired } = row;
  const former = intent?.from;
  if (former !== undefined && former.sourceId !== row.relink?.sourceId)
    await noteFormer(former, row.run, deps);
  if (row.leave !== undefined || desired === undefined) {
    const made = await madeMeanwhile(row, intent, deps);
    if (made !== undefined && made.omniId !== stored?.omniId) return unwanted(row, made, deps);
    if (row.leave !== undefined) return leave({ row, link: stored, intent, removal: row.leave }, deps);
    return letBe({ row, link: stored, intent }, deps);
  }
  const believed = asFarAsKnown(stored, intent);
  const distrusted = row.readBack === true && believed?.state === 'active';
  const link = distrusted ? await readBack(believed, desired, deps) : believed;
  const weigh = await weigher(
    { row: { ...row, desired }, link },
    intent === undefined ? row.account : undefined,
    deps,
  );
  let weighed = weigh(known);
  if (!fresh && isWrite(weighed.decision)) {
    await readDefinitionsToday(desired, deps);
    weighed = weigh(await definitions.known());
  }
  return CARRY[weighed.decision.kind](weighed.at, weighed.decision as never, deps);
}

/**
 * Decides on a person by what Omni's definitions let it hold. An account that was listed and came after we meant to
 * create one may be ours, which `create` alone finds out: it is not handed in then.
 */
async function weigher(at: Case, account: KnownAccount | undefined, deps: ApplyDeps) {
  const { row, link } = at;
  const from = link === undefined && row.relink ? await freeLink(row.relink, deps) : undefined;
  const answer = account && (await deps.ledger.held.answerTo(row.ref, adoptClaim(row.desired, account)));
  return (definitions: readonly Definition[] | undefined): { at: Case; decision: Decision } => {
    const desired = holdable(row.desired, definitions);
    const situation = { desired, protected: row.protected, link, account, answer };
    const decision =
      from === undefined ? decide(situation, deps.rules) : decideRelink(situation, from, deps.rules);
    return { at: { row: { ...row, desired }, link, leftOut: desired !== row.desired }, decision };
  };
}

function isWrite({ kind }: Decision): boolean {
  return kind !== 'none' && kind !== 'withhold';
}

/**
 * A link while a write to its account may have been sent without a commit after it: nothing of it is confirmed then, and
 * after a removal it counts as taken away.
 */
function asFarAsKnown(link: Link | undefined, intent: Intent | undefined): Link | undefined {
  if (link === undefined || intent === undefined) return link;
  return { ...link, confirmed: new Set(), state: intent.leave ? 'deactivated' : link.state };
}

/** The account that a broken-off create has made for somebody who is not wanted any more: it must be known, to be seen to. */
async function madeMeanwhile(
  row: OutboxRow,
  intent: Intent | undefined,
  deps: ApplyDeps,
): Promise<Link | undefined> {
  const made = intent && (await findPosted(intent, undefined, deps));
  if (made === undefined) return undefined;
  await claimUnowned(row, made.id, deps.ledger);
  const since = Math.floor((await deps.ledger.now()) / 1000);
  const about = { sourceId: row.sourceId, omniId: made.id, userName: made.userName, since };
  return { ...about, provenance: 'created', state: 'active', protected: false, confirmed: new Set() };
}

/** Nothing more is done for this person now, who has an account that they are not to have: the next reconcile sees to it. */
function unwanted(row: OutboxRow, made: Link, deps: ApplyDeps): Promise<boolean> {
  const effect: LinkEffect = { kind: 'put', link: made, fingerprint: UNKNOWN_PRINT };
  return deps.ledger.commit(commitOf(row, effect, deps));
}

type Carry<K extends Decision['kind']> = (
  at: Case,
  decision: Extract<Decision, { kind: K }>,
  deps: ApplyDeps,
) => Promise<boolean>;

/** How each decision is carried out. */
const CARRY: { readonly [K in Decision['kind']]: Carry<K> } = {
  none: (at, _, deps) => stand(at, deps),
  withhold: (at, decision, deps) => holdBack(at, { decision, account: at.row.account }, deps),
  create: (at, _, deps) => create(at, deps),
  adopt: (at, decision, deps) => adopt(at, decision.account, { deps, listed: true }),
  update,
  rename: update,
  return: (at, { fields }, deps) => comeBack(at, { fields }, deps),
  relink,
};

/** Nothing is to be written. What was read back is remembered as it was found. */
async function stand(at: Case, deps: ApplyDeps): Promise<boolean> {
  const { link, row } = at;
  const fingerprint = fingerprintOf(at);
  const isRead = row.readBack === true && link?.state === 'active';
  const effect: LinkEffect = isRead
    ? { kind: 'put', link: { ...link, protected: row.protected }, fingerprint }
    : standingEffect(link, row.protected, fingerprint);
  const current = await deps.ledger.commit(commitOf(row, effect, deps));
  await settleDrift(row, deps.ledger);
  return current;
}

async function update(
  at: Case,
  decision: { kind: 'update' | 'rename'; fields: Fields },
  deps: ApplyDeps,
): Promise<boolean> {
  const { link, row } = at;
  if (link === undefined) throw new TypeError(`${decision.kind} of ${row.ref} without a link`);
  const answer = await patched(at, { omniId: link.omniId, fields: decision.fields }, deps).catch(
    async (error: unknown) => {
      if (decision.kind === 'rename' && isSyncError(error, 'conflict')) await assertNotBusy(at, link, deps);
      throw error;
    },
  );
  if (answer === undefined) {
    // Somebody deleted it in Omni: its person is wanted, and gets a new one.
    await deps.ledger.register.release(link.omniId);
    return create(at, deps);
  }
  const note = compare(at, decision.fields, answer, deps);
  const renewed = {
    ...link,
    userName: answer.userName,
    protected: row.protected,
    confirmed: confirmedAfter({
      desired: row.desired,
      sent: decision.fields,
      answer,
      earlier: link.confirmed,
    }),
  };
  return finish(
    at,
    { kind: decision.kind, link: renewed, fields: fieldNames(decision.fields), ...note },
    deps,
  );
}

/** A userName that is taken may be free in a moment: its holder is to be renamed too. @throws as assertUnowned does. */
async function assertNotBusy(at: Case, link: Link, { omni, ledger, signal }: ApplyDeps): Promise<void> {
  const found = await omni.findByUserName(at.row.desired.userName, signal);
  if (found !== undefined && found.id !== link.omniId) await assertUnowned(at.row, found.id, ledger);
}
