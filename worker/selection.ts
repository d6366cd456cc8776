/**
 * Of what a read shows, the part that a plan has: rows that are still as they were planned. Everything else is left, and
 * told: it goes to nobody, whether it is new or has changed meanwhile.
 */
import type { Leavers } from '../ledger/leavers.ts';
import type { Links, StoredLink } from '../ledger/links.ts';
import type { Tombstone } from '../model/leaver.ts';
import type { Fingerprint } from '../plan/fingerprint.ts';
import type { PlannedSync } from '../plan/plan-file.ts';
import { type PlannedChange, type PlannedLeaver, whyChanged } from '../plan/planned.ts';
import { type LeaversOutcome, leaveVersion } from './leavers.ts';
import { whyMissed } from './planned-missed.ts';
import { type RowsAbout, rowOfRemoval, rowOfStray, rowOfVerdict } from './planned-rows.ts';
import type { SurveyEnd, SurveyPage } from './survey.ts';
import type { Leaver } from './survey-leavers.ts';

/** A row that is not carried out, and why. */
export interface LeftRow {
  readonly sourceId: string;
  readonly userName: string;
  readonly kind: string;
  readonly why: string;
}

export interface Selection {
  /** What of a page is carried out. */
  choose(page: SurveyPage): SurveyPage;
  /** What of the leavers is remembered and carried out; whoever is remembered already and is not named stays as remembered. */
  restrict(
    outcome: LeaversOutcome,
    read: { readonly leavers: readonly Leaver[] },
    memory: Pick<Leavers, 'all'>,
  ): Promise<LeaversOutcome>;
  /** Told of the read's end: what was planned and not met is in Omni already, or is left. */
  conclude(end: SurveyEnd, links: Links): Promise<void>;
  /** Nothing was left, and nothing was found beside the plan. */
  isWhole(): boolean;
  /** Rows that are carried out, and that had been already. */
  readonly taken: readonly PlannedChange[];
  readonly done: readonly PlannedChange[];
  readonly left: readonly LeftRow[];
  /** What is to be done and is not in the plan. */
  readonly unplanned: readonly LeftRow[];
}

export interface SelectionParts {
  readonly fingerprint: Fingerprint;
  readonly leaving: { readonly action: 'deactivate' | 'delete' };
}

/** Neither who is set aside nor whose account it is matters here: a worker sees to both. */
const ABOUT: RowsAbout = { ref: () => null, aside: new Map(), foreign: new Set() };

/** The part of a plan that still holds. For one read. */
export function selectPlanned(planned: PlannedSync, { fingerprint, leaving }: SelectionParts): Selection {
  const weighing = beginWeighing(planned);
  let tombstones: readonly Tombstone[] = [];
  return {
    ...weighing.found,
    choose: (page) => ({
      verdicts: page.verdicts.filter((verdict) => {
        return verdict.decision.kind !== 'none' && weigh(rowOfVerdict(verdict, ABOUT), weighing);
      }),
      strays: page.strays.filter((stray) => weigh(rowOfStray(stray, ABOUT, fingerprint), weighing)),
      unwanted: [],
      shields: page.shields,
    }),
    async restrict(outcome, { leavers }, memory) {
      ({ tombstones } = outcome);
      const links = new Map(leavers.map(({ link }) => [link.sourceId, link]));
      const known = new Set((await memory.all()).map(({ sourceId }) => sourceId));
      const chosen = tombstones.filter((tombstone) => {
        const { sourceId, stage } = tombstone;
        if (stage !== 'leaving') return known.has(sourceId) || mayEnter(tombstone, weighing);
        const waitsAs = leaveVersion(tombstone);
        const removal = { ...tombstone, link: links.get(sourceId), action: leaving.action, waitsAs };
        return weigh(rowOfRemoval(removal, ABOUT), weighing);
      });
      return { ...outcome, tombstones: chosen, passed: passedBy(outcome, chosen, planned) };
    },
    async conclude(end, links) {
      const { open, found } = weighing;
      const stored = await links.of([...open.keys()]);
      for (const row of open.values()) {
        const link = stored.get(row.sourceId);
        if (isDone(row, link)) found.done.push(row);
        else found.left.push({ ...nameOf(row), why: whyMissed(row, { end, link, tombstones }) });
      }
    },
    isWhole: () => weighing.found.left.length === 0 && weighing.found.unplanned.length === 0,
  };
}

/** The rows of a plan that nobody was met for yet, and what came of the others. */
interface Weighing {
  readonly open: Map<string, PlannedChange>;
  readonly leavers: ReadonlyMap<string, PlannedLeaver>;
  readonly found: {
    readonly taken: PlannedChange[];
    readonly done: PlannedChange[];
    readonly left: LeftRow[];
    readonly unplanned: LeftRow[];
  };
}

/** What a plan withholds is no part of it. */
function beginWeighing({ changes, leavers }: PlannedSync): Weighing {
  const rows = changes.filter(({ kind }) => kind !== 'withhold');
  return {
    open: new Map(rows.map((row) => [row.sourceId, row])),
    leavers: new Map(leavers.map((leaver) => [leaver.sourceId, leaver])),
    found: { taken: [], done: [], left: [], unplanned: [] },
  };
}

/** Whether this is carried out: it was planned, and just so. */
function weigh(now: PlannedChange, { open, found }: Weighing): boolean {
  const row = open.get(now.sourceId);
  if (row === undefined) {
    if (now.kind !== 'withhold') found.unplanned.push({ ...nameOf(now), why: NEW });
    return false;
  }
  open.delete(now.sourceId);
  const why = whyChanged(row, now);
  if (why === undefined) found.taken.push(row);
  else found.left.push({ ...nameOf(row), why });
  return why === undefined;
}

const NEW = 'not in the plan';

/** Whether somebody's grace may begin: the plan showed it. */
function mayEnter(tombstone: Tombstone, { leavers, found }: Weighing): boolean {
  const leaver = leavers.get(tombstone.sourceId);
  if (leaver?.omniId === tombstone.omniId && leaver.cause === tombstone.cause) return true;
  found.unplanned.push({ ...nameOf({ ...tombstone, kind: 'deactivate' }), why: NEW });
  return false;
}

function nameOf({ sourceId, userName, kind }: Pick<PlannedChange, 'sourceId' | 'userName' | 'kind'>) {
  return { sourceId, userName, kind };
}

/** Those alone count against the guard who go on: into grace, into leaving, or to another sourceId. */
function passedBy(
  { passed }: LeaversOutcome,
  chosen: readonly Tombstone[],
  { changes }: PlannedSync,
): LeaversOutcome['passed'] {
  const relinks = changes.filter(({ kind }) => kind === 'relink').map(({ sourceId }) => sourceId);
  const missing = new Set([...chosen.map(({ sourceId }) => sourceId), ...relinks]);
  const leaving = new Set(chosen.filter(({ stage }) => stage === 'leaving').map(({ sourceId }) => sourceId));
  return {
    missing: passed.missing.filter((sourceId) => missing.has(sourceId)),
    due: passed.due.filter((sourceId) => leaving.has(sourceId)),
  };
}

/** An earlier run of this plan, or somebody else, has done it. */
function isDone(row: PlannedChange, stored: StoredLink | undefined): boolean {
  if (stored === undefined) return false;
  const { link, fingerprint } = stored;
  if (row.kind === 'deactivate') return link.omniId === row.omniId && link.state === 'deactivated';
  if (row.kind === 'adopt' && link.omniId === row.omniId) return true;
  return link.state === 'active' && fingerprint.toString('base64url') === row.version;
}
