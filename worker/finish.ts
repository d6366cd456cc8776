/** The end of every change: the link as it is now, what Omni stored differently, and one commit of all of it. */
import type { Commit, LinkEffect } from '../ledger/commit.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { UNKNOWN_PRINT } from '../ledger/link-index.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import type { ChangeKind } from '../model/change.ts';
import { isSyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import type { OmniUser } from '../model/person.ts';
import type { Omni } from '../omni/client.ts';
import { differences } from '../omni/verify.ts';
import type { Fields, Rules } from '../plan/decide.ts';
import type { DriftRules } from '../plan/drift.ts';
import type { Events } from './events.ts';
import { settleDrift } from './settle-drift.ts';

/** How people are taken away. */
export interface LeavingRules {
  readonly action: 'deactivate' | 'delete';
  /** Run before each removal; a rejection keeps that person. */
  readonly before:
    | ((person: { sourceId: string; omniId: string; cause: string }, signal: AbortSignal) => Promise<void>)
    | undefined;
  /** Whether this person is protected by name, as the configuration says it now. */
  readonly protects: (person: { readonly sourceId: string; readonly userName: string }) => boolean;
}

export interface ApplyDeps {
  readonly ledger: Ledger;
  readonly rules: Rules;
  readonly events: Events;
  /** Omni, spending the budget of this one job. */
  readonly omni: Omni;
  /** The same, where each request is sent only if `look` does not throw; asked when its turn has come. */
  readonly omniAfter: (look: () => Promise<void>) => Omni;
  /** Requests made since this was last asked. */
  readonly takeCalls: () => number;
  /** Told which desired state is being applied, before anything is done: a failure is that one's, not a newer one's. */
  readonly took: (row: OutboxRow) => void;
  readonly leaving: LeavingRules;
  /** Left out: whatever drifted is only reported. */
  readonly driftRules?: DriftRules;
  readonly signal: AbortSignal;
  /** The configuration as it is now; a desired state of another one waits for a reconcile under this one. */
  readonly stamp?: string;
}

/** The person at hand: what waits for them, and what is remembered. */
export interface Case {
  readonly row: OutboxRow & { readonly desired: NonNullable<OutboxRow['desired']> };
  readonly link: Link | undefined;
  /** Attributes are left out that Omni cannot hold: `desired` is not the one that the row's version is of. */
  readonly leftOut?: boolean;
  /** The sourceId that the link comes from, where it moves. */
  readonly from?: { readonly sourceId: string; readonly ref: string };
}

/** The account after a PATCH; nothing where it is gone. */
export async function patched(
  { row, from }: Pick<Case, 'from'> & { readonly row: OutboxRow },
  { omniId, fields }: { readonly omniId: string; readonly fields: Fields },
  deps: ApplyDeps,
): Promise<OmniUser | undefined> {
  await deps.ledger.intend(row.ref, row.version, { from });
  deps.events.step('apply.intent');
  const answer = await deps.omni.updateUser(omniId, fields, deps.signal).catch((error: unknown) => {
    if (isSyncError(error, 'missing')) return undefined;
    throw error;
  });
  deps.events.step('apply.answered');
  return answer;
}

/** The link of an account that is taken now. */
export async function newLink(
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
export function compare(at: Case, sent: Fields, answer: OmniUser, { events }: ApplyDeps): { note?: string } {
  const found = differences(sent, answer);
  if (found.length === 0) return {};
  events.stored({ ref: at.row.ref, omniId: answer.id, differences: found });
  return { note: found.map(({ field, kind }) => `${field} ${kind}`).join(', ') };
}

/** A change that was carried out. */
export interface Done {
  readonly kind: ChangeKind;
  readonly link: Link;
  readonly fields: readonly string[];
  readonly note?: string;
  /** What the link is confirmed at, where it is not the row's desired state. */
  readonly fingerprint?: Buffer;
}

/** Commits a change. Returns false where a newer desired state waits. */
export async function finish(
  at: Pick<Case, 'leftOut' | 'from'> & { readonly row: OutboxRow },
  done: Done,
  deps: ApplyDeps,
): Promise<boolean> {
  const { row, from } = at;
  const { ref, sourceId, run } = row;
  const { kind, fields, note, fingerprint = fingerprintOf(at) } = done;
  // Wanted, or let go by an operator: either way somebody has looked.
  const { unreviewed: _, ...link } = done.link;
  const { omniId } = link;
  const { cause } = row;
  const why = { ...(cause && { cause }), ...(note && { note }) };
  const audit = { did: kind, sourceId, omniId, fields, run, ...why };
  // In an older copy of Redis they may be about to leave.
  if (kind === 'return') await deps.ledger.meta.count();
  const commit = commitOf(row, { kind: 'put', link, fingerprint }, deps);
  const current = await deps.ledger.commit({ ...commit, kind, audit, ...(from && { from }) });
  deps.events.step('apply.committed');
  await settleDrift(row, deps.ledger);
  const about = { ref, sourceId, omniId, kind, fields, run, ...(cause && { cause }) };
  deps.events.applied({ ...about, calls: commit.calls });
  return current;
}

/** A commit for this row, with the requests made so far. */
export function commitOf(row: OutboxRow, effect: LinkEffect, { takeCalls }: ApplyDeps): Commit {
  const { ref, sourceId, version, run } = row;
  return { ref, sourceId, version, effect, run, calls: takeCalls() };
}

/** A row's version is its fingerprint; of what was not written whole, the next reconcile makes a new one. */
export function fingerprintOf({ row, leftOut }: Pick<Case, 'leftOut'> & { readonly row: OutboxRow }): Buffer {
  return leftOut === true ? UNKNOWN_PRINT : Buffer.from(row.version, 'base64url');
}
