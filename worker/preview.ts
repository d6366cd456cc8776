/** What a run would do, person by person: the survey of a reconcile with nothing written, neither to Omni nor to the ledger. */
import type { Tombstone } from '../model/leaver.ts';
import { NO_ACCOUNTS, readAccounts } from './accounts.ts';
import { considerLeavers, type LeaversOutcome } from './leavers.ts';
import { type SurveyEnd, survey } from './survey.ts';
import type { Verdict } from './survey-state.ts';
import type { SyncParts } from './sync.ts';
import { readWaiting } from './waiting.ts';

export interface Preview extends SurveyEnd {
  /** Those for whom something is to be done, or withheld. */
  readonly verdicts: readonly Verdict[];
  /** What would be remembered of leavers, under the policy `full`. */
  readonly tombstones: readonly Tombstone[];
  /** Omni's attribute definitions were read within the last day. */
  readonly definitionsFresh: boolean;
  /** List pages that it asked Omni for: a ledger that knows nobody must see who is there. */
  readonly pagesRead: number;
  /** People set aside: what is to be done for them is not done before a change or a retry. */
  readonly aside: ReadonlySet<string>;
  readonly ref: (sourceId: string) => string;
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
  const { ledger } = parts;
  const { ref, cold } = await ledger.begin();
  const accounts = cold && !offline ? await readAccounts(parts.omni, ledger.links, signal) : NO_ACCOUNTS;
  const startedAt = await ledger.now();
  const tombstones = new Set((await ledger.leavers.all()).map(({ sourceId }) => sourceId));
  let outcome: LeaversOutcome | undefined;
  const pages = survey({
    ...parts,
    links: ledger.links,
    definitions: await ledger.definitions.known(),
    accounts: cold ? accounts.byAddress : (await readWaiting(ledger)).accounts,
    full: false,
    waiting: () => false,
    watched: (sourceId) => tombstones.has(sourceId),
    async consider(end) {
      outcome = await considerLeavers(end, {
        ...parts,
        rules: parts.leaverRules,
        policy: parts.rules.policy,
        ref,
        startedAt,
      });
      return outcome;
    },
    ...(signal && { signal }),
  });
  const verdicts: Verdict[] = [];
  for (;;) {
    const next = await pages.next();
    if (next.done) {
      const aside = await ledger.quarantine.all();
      const kept = new Set(aside.filter(({ until }) => until === 'change').map(({ sourceId }) => sourceId));
      return {
        ...next.value,
        tombstones: outcome?.tombstones ?? [],
        verdicts,
        pagesRead: accounts.calls,
        definitionsFresh: await ledger.definitions.fresh(),
        aside: kept,
        ref,
      };
    }
    verdicts.push(...next.value.verdicts.filter(({ decision }) => decision.kind !== 'none'));
  }
}
