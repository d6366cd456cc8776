/**
 * One person as looked up by hand who is not wanted, or is wanted again: what is remembered of leavers is decided by the
 * code of a reconcile over all of them, as after a read that is not complete, and written for this one alone.
 */
import { UNKNOWN_PRINT } from '../ledger/link-index.ts';
import type { StoredLink } from '../ledger/links.ts';
import type { PersonOutcome } from '../model/asked.ts';
import type { LeaverCause, Tombstone } from '../model/leaver.ts';
import { leaverText } from '../ops/leaver-text.ts';
import type { Mapped } from '../plan/map.ts';
import { considerLeavers } from './leavers.ts';
import { hasten, type One, tell } from './one.ts';
import { goneRow } from './rows.ts';

type Outside = Extract<Mapped, { verdict: 'inactive' | 'outOfScope' }>;

/** The record says that they do not belong in Omni: a grace begins, if ever it is to. */
export async function notWanted(mapped: Outside, one: One): Promise<PersonOutcome> {
  const { link, row, deps } = one;
  await dropWaiting(one);
  const why = mapped.verdict === 'inactive' ? 'inactive in the directory' : 'out of scope';
  if (link === undefined) return tell(one, 'inStep', `They are ${why}, and have no account by this sync.`);
  if (link.link.state === 'deactivated')
    return tell(one, 'inStep', `They are ${why}, and their account was taken away.`);
  if (deps.rules.policy !== 'full')
    return tell(one, 'leaver', `They are ${why}; the policy ${deps.rules.policy} takes nobody away.`);
  const now: StoredLink = { ...link, link: { ...link.link, protected: mapped.protected } };
  const tombstone = await remember(one, { link: now.link, cause: mapped.verdict }, () => shield(now, one));
  if (tombstone === undefined)
    return tell(one, 'inStep', `They are ${why}, and protected, or kept by an operator: nothing is done.`);
  if (tombstone.stage === 'leaving' && row?.leave !== undefined) return hasten(one, 'deactivate');
  return tell(one, 'leaver', leaverText(tombstone));
}

/** A desired state that waits is no longer wanted; a removal waits on. */
async function dropWaiting({ row, who, ask, deps, token }: One): Promise<void> {
  if (row?.desired === undefined || row.leave !== undefined) return;
  await deps.ledger.outbox.put([goneRow({ id: ask.id, ref: () => who.ref }, who.sourceId)], token);
}

/** Notes on the link whether they are protected now; the next reconcile does it where something waits. */
async function shield({ link, fingerprint }: StoredLink, { link: stored, row, who, ask, deps, token }: One) {
  if (row !== undefined || link.protected === stored?.link.protected) return;
  const { sourceId, ref } = who;
  const effect = { kind: 'put' as const, link, fingerprint: fingerprint ?? UNKNOWN_PRINT };
  const settlement = { ref, sourceId, version: '', effect, before: stored?.link, run: ask.id, calls: 0 };
  await deps.ledger.settle([settlement], token);
}

/** Wanted, or at least there: what was remembered of their leaving is forgotten. */
export async function isBack(one: One): Promise<void> {
  const tombstone = await one.deps.ledger.leavers.get(one.who.ref);
  if (tombstone !== undefined) await remember(one, undefined, async () => undefined);
}

interface Unwelcome {
  readonly link: StoredLink['link'];
  readonly cause: LeaverCause;
}

/** Decides and writes; returns what is remembered of this person. */
async function remember(
  { who, deps, token }: One,
  leaver: Unwelcome | undefined,
  before: () => Promise<void>,
): Promise<Tombstone | undefined> {
  const { ledger } = deps;
  const { sourceId, ref } = who;
  const isOne = (person: { readonly sourceId: string }) => person.sourceId === sourceId;
  const index = await ledger.links.index();
  const now = await ledger.now();
  const outcome = await considerLeavers(
    {
      complete: false,
      leavers: leaver === undefined ? [] : [leaver],
      relinks: new Map(),
      active: index.active,
      present: (other) => leaver === undefined && other === sourceId,
    },
    {
      ...deps,
      rules: deps.leaverRules,
      policy: deps.rules.policy,
      ref: (await ledger.begin()).ref,
      answer: () => undefined,
      startedAt: now,
      endedAt: now,
    },
  );
  const tombstone = outcome.tombstones.find(isOne);
  const passed = (people: readonly string[]) => (people.includes(sourceId) ? [ref] : []);
  const isForgotten = outcome.forgotten.includes(sourceId);
  if (isForgotten) await ledger.meta.count();
  await before();
  await ledger.leavers.write(
    {
      at: outcome.at,
      remembered: tombstone === undefined ? [] : [{ ...tombstone, ref }],
      forgotten: isForgotten ? [ref] : [],
      passed: { missing: passed(outcome.passed.missing), due: [] },
    },
    token,
  );
  return tombstone;
}
