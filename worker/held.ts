/** The end of a reconcile for what waits for an operator's word: listed anew, and words that were used are forgotten. */

import { answerTo } from '../ledger/held.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { HeldAnswer, HeldChange, HeldClaim } from '../model/held.ts';
import { addressKey } from '../model/person.ts';
import { isHeldDecision, type KnownAccount } from '../plan/decide.ts';
import type { Run } from './enqueue.ts';
import type { Verdict } from './survey-state.ts';

/** What was said, and who is known to have which account, when a read begins. */
export interface HeldBefore {
  readonly answer: (claim: HeldClaim) => HeldAnswer | undefined;
  /** Accounts to adopt, by address key: a run that lists nobody must not make creates of them. */
  readonly accounts: ReadonlyMap<string, KnownAccount>;
  /** ref → since when. */
  readonly since: ReadonlyMap<string, number>;
}

/** Reads what is held, and the words on it. */
export async function readHeld(
  { held }: Pick<Ledger, 'held'>,
  ref: (sourceId: string) => string,
): Promise<HeldBefore> {
  const [all, answers] = await Promise.all([held.all(), held.answers()]);
  const accounts = all.flatMap(({ what, omniId, userName, displayName = '' }) => {
    const account = { id: omniId, displayName, active: true };
    return what === 'adopt' ? [[addressKey(userName), account] as const] : [];
  });
  return {
    answer: (claim) => (answers.size === 0 ? undefined : answerTo(answers.get(ref(claim.sourceId)), claim)),
    accounts: new Map(accounts),
    since: new Map(all.map((change) => [change.ref, change.since])),
  };
}

/** Who is held in one read, noted page by page. */
export interface HeldList extends HeldBefore {
  note(verdicts: readonly Verdict[]): void;
  /** Writes who is held now. `whole`: everybody was met who is there. */
  write(whole: boolean): Promise<{ readonly asking: number; readonly held: number }>;
}

/** Begins the list of a run. */
export async function openHeld(ledger: Ledger, run: Pick<Run, 'ref'>, at: number): Promise<HeldList> {
  const before = await readHeld(ledger, run.ref);
  const held = new Map<string, HeldChange>();
  const free = new Set<string>();
  return {
    ...before,
    note(verdicts) {
      for (const verdict of verdicts) {
        const ref = run.ref(verdict.sourceId);
        const claim = claimOf(verdict);
        if (claim !== undefined) held.set(ref, { ...claim, since: before.since.get(ref) ?? at });
        else if (before.since.has(ref)) free.add(ref);
      }
    },
    async write(whole) {
      const gone = [...before.since.keys()].filter((ref) => !held.has(ref) && (whole || free.has(ref)));
      await ledger.held.forget(gone);
      await ledger.held.put([...held].map(([ref, change]) => ({ ...change, ref })));
      await forgetUsed(ledger);
      if (held.size === 0 && before.since.size === 0) return { asking: 0, held: 0 };
      const all = await ledger.held.all();
      return { asking: all.length, held: all.filter(({ answer }) => answer === undefined).length };
    },
  };
}

function claimOf(verdict: Verdict): Omit<HeldChange, 'since'> | undefined {
  const { sourceId, decision, account, from, desired } = verdict;
  if (!isHeldDecision(decision)) return undefined;
  const { userName } = desired;
  if (from !== undefined)
    return { sourceId, what: 'relink', omniId: from.omniId, userName, from: from.sourceId };
  if (account === undefined) return undefined;
  return { sourceId, what: 'adopt', omniId: account.id, userName, displayName: account.displayName };
}

/** A word is used once its person has the account. */
async function forgetUsed({ held, links }: Ledger): Promise<void> {
  const approved = [...(await held.answers())].filter(([, { answer }]) => answer === 'approved');
  if (approved.length === 0) return;
  const linked = await links.of(approved.map(([, { sourceId }]) => sourceId));
  const used = approved.filter(([, word]) => linked.get(word.sourceId)?.link.omniId === word.omniId);
  await held.unanswer(used.map(([ref]) => ref));
}
