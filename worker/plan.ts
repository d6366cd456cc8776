/** The plan of a sync: what a run would do now, each person with cause and calls, and who is left alone and why. Writes nothing. */
import type { ChangeCounts, Rejection } from '../model/change.ts';
import { type AccountCounts, readProvenances } from '../ops/provenance.ts';
import { secondsFor } from '../plan/forecast.ts';
import type { PlannedSync } from '../plan/plan-file.ts';
import type { PlannedChange } from '../plan/planned.ts';
import { type LeftOut, unusable } from '../plan/usable.ts';
import { leaveVersion } from './leavers.ts';
import { hasOldValues, withOldValues } from './old-values.ts';
import { plannedLeavers } from './planned-leavers.ts';
import { type RowsAbout, rowOfRemoval, rowOfStray, rowOfVerdict } from './planned-rows.ts';
import { type Preview, preview } from './preview.ts';
import type { SyncParts } from './sync.ts';

export interface Plan extends PlannedSync {
  /** Nobody was known: Omni's accounts were listed. */
  readonly cold: boolean;
  readonly complete: boolean;
  readonly ended: boolean;
  readonly problem: string | null;
  /** How the configuration differs from the one that Redis remembers people under; a run needs `--rebind` then. */
  readonly rebinds: string | null;
  readonly read: number;
  readonly inScope: number;
  readonly counts: ChangeCounts;
  readonly rejected: readonly Rejection[];
  /** Accounts that are never written. */
  readonly protected: readonly { readonly sourceId: string; readonly userName: string }[];
  /** Accounts that nobody in the directory has. */
  readonly unmatched: readonly { readonly omniId: string; readonly userName: string }[];
  /** Mapped attributes that Omni cannot hold, as far as its definitions are known. */
  readonly leftOut: readonly LeftOut[];
  readonly accounts: AccountCounts;
  /** Requests to Omni: of the run; and those that this plan made itself, for the list and for old values. */
  readonly calls: number;
  readonly planCalls: number;
  /** How long Omni's limits make the run take, at least. */
  readonly seconds: number;
}

export interface PlanOptions {
  readonly signal?: AbortSignal;
  /** Read the old values; told first how many requests that is, and how many seconds. */
  readonly old?: (calls: number, seconds: number) => void;
}

/** Makes the plan. @throws SyncError as the directory, or Omni, does. */
export async function planSync(parts: SyncParts, { signal, old }: PlanOptions = {}): Promise<Plan> {
  const seen = await preview(parts, { signal });
  const about = await aboutRows(parts, seen);
  const leavers = plannedLeavers(parts, seen, about);
  const found = rowsOf(parts, seen, about);
  const looks = old === undefined ? 0 : found.filter(hasOldValues).length;
  if (looks > 0) old?.(looks, secondsFor(looks, parts.rate));
  const changes = looks > 0 ? await withOldValues(found, { ...parts, signal }) : found;
  return {
    name: parts.name,
    identity: parts.ledger.identity,
    madeAt: new Date(seen.at).toISOString(),
    ...factsOf(parts, seen),
    ...(await ownershipOf(parts, seen)),
    counts: countsOf(seen, changes),
    changes,
    leavers,
    planCalls: seen.pagesRead + looks,
    ...costOf(parts, seen, changes),
  };
}

function factsOf({ mapping }: SyncParts, seen: Preview) {
  const { complete, ended, problem = null, read, inScope, rejections: rejected, definitions } = seen;
  const leftOut = definitions === undefined ? [] : unusable(mapping.attributeNames, definitions);
  const { cold, rebinds = null } = seen.look;
  return { cold, complete, ended, problem, rebinds, read, inScope, rejected, leftOut };
}

async function aboutRows({ ledger }: SyncParts, { look, verdicts, aside }: Preview): Promise<RowsAbout> {
  const ids = verdicts.flatMap(({ decision }) => (decision.kind === 'adopt' ? [decision.account.id] : []));
  const holders = await Promise.all(ids.map((id) => ledger.register.holder(id)));
  const foreign = new Set(ids.filter((_, i) => holders[i] === 'another'));
  return { ref: look.begun ? look.ref : () => null, aside, foreign };
}

function rowsOf(parts: SyncParts, seen: Preview, about: RowsAbout): PlannedChange[] {
  const links = new Map(seen.leavers.map(({ link }) => [link.sourceId, link]));
  const { action } = parts.leaving;
  const due = seen.tombstones.filter(({ stage }) => stage === 'leaving');
  return [
    ...due.map((tombstone) => {
      const removal = { action, link: links.get(tombstone.sourceId), waitsAs: leaveVersion(tombstone) };
      return rowOfRemoval({ ...tombstone, ...removal }, about);
    }),
    ...seen.verdicts
      .filter(({ decision }) => decision.kind !== 'none')
      .map((verdict) => rowOfVerdict(verdict, about)),
    ...seen.strays.map((stray) => rowOfStray(stray, about, parts.fingerprint)),
  ];
}

/** What the survey counted, with the removals. */
function countsOf({ changes }: Preview, rows: readonly PlannedChange[]): ChangeCounts {
  return { ...changes, deactivate: rows.filter(({ kind }) => kind === 'deactivate').length };
}

/** Whose the accounts are, by what this read has shown, and else by what is remembered. */
async function ownershipOf({ mapping }: SyncParts, { look, verdicts, unmatched }: Preview) {
  const met = new Map(verdicts.map((verdict) => [verdict.sourceId, verdict.protected]));
  const { counts, shielded } = await readProvenances(
    look.memory,
    (link) => met.get(link.sourceId) ?? (link.protected || mapping.protects(link)),
  );
  return {
    accounts: { ...counts, foreign: unmatched.length },
    protected: shielded.map(({ sourceId, userName }) => ({ sourceId, userName })),
    unmatched,
  };
}

/** The run lists Omni's people as this plan did, and reads the definitions of mapped attributes once a day before a write. */
function costOf({ mapping, rate }: SyncParts, seen: Preview, changes: readonly PlannedChange[]) {
  const writes = changes.reduce((sum, { calls }) => sum + calls, 0);
  const definitions = writes > 0 && mapping.attributeNames.length > 0 && !seen.definitionsFresh ? 1 : 0;
  const calls = writes + seen.pagesRead + definitions;
  return { calls, seconds: secondsFor(calls, rate) };
}
