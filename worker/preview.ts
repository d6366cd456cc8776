/** What a run would do, person by person: the survey of a reconcile with nothing written, neither to Omni nor to Redis. */
import type { LedgerLook } from '../ledger/ledger.ts';
import type { SetAside } from '../ledger/quarantine.ts';
import type { Tombstone } from '../model/leaver.ts';
import { isLifted } from '../plan/decide.ts';
import type { Definition } from '../plan/usable.ts';
import { type Accounts, NO_ACCOUNTS, noteAsked, readAccounts } from './accounts.ts';
import { readHeld } from './held.ts';
import { considerLeavers, type LeaversOutcome } from './leavers.ts';
import { type SurveyEnd, type SurveyPage, survey } from './survey.ts';
import type { Stray, Verdict } from './survey-state.ts';
import type { SyncParts } from './sync.ts';
import { readWaiting } from './waiting.ts';

export interface Preview extends SurveyEnd {
  /** When it was made, by Redis's clock, in milliseconds. */
  readonly at: number;
  readonly look: LedgerLook;
  /** Those for whom something is to be done, or withheld, and those whose protection is why nothing is. */
  readonly verdicts: readonly Verdict[];
  /** Accounts that would be linked though their records are not wanted. */
  readonly strays: readonly Stray[];
  /** What would be remembered of leavers, under the policy `full`. */
  readonly tombstones: readonly Tombstone[];
  /** Refs of people whom an operator keeps. */
  readonly kept: ReadonlySet<string>;
  readonly definitions: readonly Definition[] | undefined;
  /** Omni's attribute definitions were read within the last day. */
  readonly definitionsFresh: boolean;
  /** List pages that it asked Omni for: a ledger that knows nobody must see who is there. */
  readonly pagesRead: number;
  /** Accounts that nobody in the directory has, as far as Omni was listed. */
  readonly unmatched: readonly { readonly omniId: string; readonly userName: string }[];
  /** By sourceId: what is to be done for them is not done before a change or a retry. */
  readonly aside: ReadonlyMap<string, SetAside>;
}

export interface PreviewOptions {
  readonly signal?: AbortSignal | undefined;
  /** Never ask Omni: a cold ledger then knows of no account, and what would be adopted shows as created. */
  readonly offline?: boolean;
}

/** Reads the directory, and Omni's list where the ledger is cold. @throws SyncError as either does. */
export async function preview(
  parts: SyncParts,
  { signal, offline = false }: PreviewOptions = {},
): Promise<Preview> {
  const look = await parts.ledger.look();
  const { memory, cold, ref } = look;
  const accounts: Accounts =
    cold && !offline ? await readAccounts(parts.omni, memory.links, signal) : NO_ACCOUNTS;
  const at = await parts.ledger.now();
  const definitions = await memory.definitions.known();
  const watched = new Set((await memory.leavers.all()).map(({ sourceId }) => sourceId));
  const { answer, accounts: held } = await readHeld(memory, ref);
  const known = cold ? accounts.byAddress : new Map([...held, ...(await readWaiting(memory)).accounts]);
  const listed = noteAsked(known);
  let outcome: LeaversOutcome | undefined;
  const pages = survey({
    ...parts,
    links: memory.links,
    definitions,
    accounts: listed,
    full: false,
    waiting: () => false,
    watched: (sourceId) => watched.has(sourceId),
    answer,
    async consider(end) {
      const { leaverRules: rules, mapping } = parts;
      const { policy } = parts.rules;
      const about = { ledger: memory, rules, mapping, policy, ref, answer, startedAt: at, endedAt: at };
      outcome = await considerLeavers(end, { ...about, cold: look.cold });
      return outcome;
    },
    ...(signal && { signal }),
  });
  const { end, seen } = await readThrough(pages);
  const failed = (await memory.quarantine.all()).filter(({ until }) => until === 'change');
  const aside = failed.filter(({ code }) => !isLifted(code, parts.rules));
  return {
    ...end,
    at,
    look,
    verdicts: seen.flatMap(({ verdicts }) => verdicts.filter(isShown)),
    strays: seen.flatMap(({ strays }) => strays),
    tombstones: outcome?.tombstones ?? [],
    kept: await memory.leavers.kept(),
    definitions,
    definitionsFresh: await memory.definitions.fresh(),
    pagesRead: accounts.calls,
    unmatched:
      cold && end.ended
        ? listed.unmatched().map(([userName, { id }]) => ({ omniId: id, userName }))
        : await memory.unmatched(),
    aside: new Map(aside.map((one) => [one.sourceId, one])),
  };
}

function isShown({ decision, protected: shielded }: Verdict): boolean {
  return decision.kind !== 'none' || shielded;
}

async function readThrough(pages: AsyncGenerator<SurveyPage, SurveyEnd>) {
  const seen: SurveyPage[] = [];
  for (;;) {
    const next = await pages.next();
    if (next.done) return { end: next.value, seen };
    seen.push(next.value);
  }
}
